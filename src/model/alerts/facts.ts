/**
 * What the `when` of an alert can ask, by what the alert watches. `docs/alerts.md` lists it from here.
 *
 * Rule kept: a fact has one type, so that a condition is either understood when it is validated or refused there.
 */

/** What an alert watches. */
export type Watched = 'channel' | 'database' | 'node' | 'files';
export const WATCHED = ['channel', 'database', 'node', 'files'] as const satisfies Watched[];

/**
 * `duration` [ms], `size` [bytes], `count`: compared with a number. `rate`: how often in a time, compared with `10/min`.
 * `text`: searched with `~`; it alone says that there is one. `word`: one of a few. `truth`: stands alone.
 */
export type AlertFactType = 'duration' | 'size' | 'count' | 'rate' | 'text' | 'word' | 'truth';

export interface AlertFact {
  readonly type: AlertFactType;
  readonly is: string;
  /** Of a `word`. */
  readonly words?: readonly string[];
}

const PHASES = ['pending', 'copying', 'streaming', 'paused', 'stopped', 'failed'] as const;

/** Of each pipeline of the channel. */
const CHANNEL_FACTS = {
  lag: {
    type: 'duration',
    is: 'how far it is behind, as `otter status` says; while nobody reports it, it goes on from the last that was known',
  },
  idle: {
    type: 'duration',
    is: 'since its position last moved; beats move it, so this is no matter of what users write',
  },
  quiet: { type: 'duration', is: 'since it last wrote a row' },
  phase: { type: 'word', words: PHASES, is: 'as `otter status` says' },
  copy: {
    type: 'word',
    words: ['running', 'failed'],
    is: 'of existing rows: `failed` when it stands still with an error',
  },
  error: { type: 'text', is: 'code and message, such as `OT4001 hz ...`, while it has one' },
  conflicts: { type: 'rate', is: 'conflicts that were decided, or wait' },
  open_conflicts: { type: 'count', is: 'conflicts that wait for a person' },
  dead_letters: { type: 'count', is: 'changes that are set aside' },
  drift: { type: 'rate', is: 'rows that were not as the log said' },
  rows: { type: 'rate', is: 'rows that were written' },
  verify: {
    type: 'word',
    words: ['equal', 'differs', 'incomplete', 'failed'],
    is: 'what came of the newest of the comparisons that the channel makes by itself (`verify: { every }`), not known before the first; `incomplete`: not of all tables',
  },
  differing: { type: 'count', is: 'rows that differed then; not known before the first' },
} as const satisfies Record<string, AlertFact>;

/** Of the pipelines into the database together. */
const DATABASE_FACTS = {
  down: {
    type: 'truth',
    is: 'no node has owned it for 15 seconds, or its server does not answer, or does not let otter in; not known for 15 seconds after its node changed',
  },
  lag: { type: 'duration', is: 'the largest of the pipelines into it' },
  error: { type: 'text', is: 'codes and messages of the pipelines into it that have one' },
  conflicts: { type: 'rate', is: 'of all pipelines into it' },
  open_conflicts: { type: 'count', is: 'of all pipelines into it' },
  dead_letters: { type: 'count', is: 'changes that are set aside there' },
} as const satisfies Record<string, AlertFact>;

const NODE_FACTS = {
  down: { type: 'truth', is: 'it does not run, or has not been heard of for as long as its lease' },
  memory: { type: 'size', is: 'of its process (resident set)' },
  databases: { type: 'count', is: 'that it owns' },
  error: { type: 'text', is: 'why it can own nothing' },
} as const satisfies Record<string, AlertFact>;

const FILES_FACTS = {
  backlog: { type: 'count', is: 'files that are to be carried' },
  missing: { type: 'count', is: 'files that rows name and that are not there' },
  error: { type: 'text', is: 'code and message, while there is one' },
} as const satisfies Record<string, AlertFact>;

export const ALERT_FACTS: Readonly<Record<Watched, Readonly<Record<string, AlertFact>>>> = {
  channel: CHANNEL_FACTS,
  database: DATABASE_FACTS,
  node: NODE_FACTS,
  files: FILES_FACTS,
};
