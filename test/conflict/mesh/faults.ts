/** Rules that are known to be wrong. The simulator must catch each one; that is how it shows that it can fail. */
export const FAULTS = {
  'wall clock': 'what was applied does not raise the clock',
  'wall clock of the loader': 'a change bears the clock of the site that applies it',
  'one clock for a window': "all changes of a window bear the last one's clock",
  'version changed on applying': 'the registers get what was applied with a clock of this site',
  'deletes forgotten': 'deletes make no entry',
  'claims forgotten': 'the registers know primary keys only',
  'applied writes forgotten': 'the registers know only what own users wrote',
  'claims of refused puts not made': 'a put that loses its key leaves its unique values alone, and no entry',
  'hidden rows shown': 'a row whose claim lost is placed if nobody holds the value now',
  'holder without an entry stays': 'a row that no entry tells of keeps its unique value',
  'no barrier': 'the registers are asked before the reader has passed the end of the log',
  'absent-key race': 'the check comes before the write, and absent keys are not locked',
  'slow path without gap locks': 'the slow path locks only rows that exist',
  'passing through unlocked': 'the fast path takes windows with keys and values that rows only pass through',
  'absent rows are nothing': 'the fast path lets a delete pass that finds no row',
  'two decide at once': 'two loaders of a site may be between locking and committing on the slow path',
  'evicting by one neighbour': 'an entry leaves when any one peer has seen it',
  'evicting by its writer': 'an entry leaves when the clock of the site that wrote it has passed it',
  'evicting by the own clock': 'what was applied makes no entry that stays',
  'evicting too early': 'entries leave when clocks arrive, not when their window is committed',
  'rebuilt from one neighbour': 'after a restart the registers begin where the peer stands that has seen most',
  'rebuilt from the end': "after a restart the registers begin at the log's end",
  'present seen after restart': 'a reader that starts again takes what its database has seen by now',
  'present clock after restart': 'a reader that starts again takes the clock of the end of its log',
  'window applied twice': 'a window sent again after a cut, or after a lost commit answer, is applied again',
  'sent on': 'what was applied is sent on as if users had written it',
} as const;

/** Wrong only where existing rows are copied. */
export const COPY_FAULTS = {
  'copied over registers': 'a copied row is placed wherever there is room',
  'chunk as it was read': 'rows that changed between the watermarks stay in the chunk',
  'evicting as usual while copying': 'entries leave by clocks though the first site may not have seen them',
  'rebuilt as usual while copying': 'after a restart the registers do not go back to where the copy began',
} as const;

/** Wrong about what is lost only: the sites stay equal. */
export const LOSS_FAULTS = {
  'losses of seen writes': 'a write counts as lost also to one that had seen it',
  'losses of hidden rows': 'a row that had given way already is lost once more',
  'deletes not lost': 'a delete that is undone does not count',
  'delete and insert is a delete':
    'a delete goes in silence when the row is deleted and made anew elsewhere in one transaction',
  'losses by unique value forgotten': 'a row that gives way for its unique value does not count',
  'own writes evicted by clocks': "own writes leave when the peers' clocks have passed them, seen or not",
  'losses at every site': 'a write is noted as lost wherever it gives way',
} as const;

export type Fault = keyof typeof FAULTS | keyof typeof COPY_FAULTS | keyof typeof LOSS_FAULTS;
