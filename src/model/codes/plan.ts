/** OT2xxx: planning, applying and what guards refuse. */
import type { Explanation } from '../explanation.ts';

export const PLAN_CODES = {
  OT2001: {
    title: 'Plan is stale',
    meaning:
      'Something the plan was computed from has changed since, or the plan was applied already. Nothing was written: what was reviewed is not what would happen now.',
    action: 'Plan again with `otter plan`, read what is different, and apply that.',
  },
  OT2002: {
    title: 'Somebody else is applying',
    meaning:
      'Only one apply at a time changes a topology. The message says who holds the lock, since when, and for what. The lock goes by itself when that process ends, also when it is killed: after at most 15 seconds.',
    action:
      'Wait and repeat the command, or ask the holder. Plan again afterwards, since the other apply changes what is there.',
  },
  OT2003: {
    title: 'Partly applied',
    meaning:
      'A plan of many changes is written in several transactions. Some were written before the rest failed. Each object is either wholly as it was or wholly as it will be, and nodes run what is written.',
    action:
      '`otter apply --resume` goes on with the same plan, whoever began it, also after a kill. Or run `otter plan`: it shows what is left, and `otter apply` does it.',
  },
  OT2004: {
    title: 'Refused by a guard',
    meaning:
      'The plan would destroy or replace a database that says `protect: true`, or leave something that refers to what is gone. Nothing was written.',
    action:
      'When it is meant: repeat with `--allow-destroy database.NAME`, or set `protect: false`, apply that, and destroy then. Otherwise put the object back into the topology.',
  },
  OT2005: {
    title: 'Lock lost during apply',
    meaning:
      'The lock was not renewed in time, or vanished, so another process may be applying. Every write compares the lock first: nothing was written after it was lost.',
    action: 'Look for a state store that was slow or away, or a machine that stood still. Then plan and apply again.',
  },
  OT2006: {
    title: 'Table goes from one channel to another',
    meaning:
      'What was written and what was seen is known per channel, so a table joins a channel only when all that was on its way to the same place has arrived, in another channel or in the same one from which it was taken out before. Nothing was applied.',
    action:
      'Take the table out of the one channel, apply (that waits until its rows have arrived), put it into the other, apply. Between two-way channels, stop writing to it before, say `initial: none` in the other, and go on writing after: what is written to it while it is in no channel stays where it is written. A channel whose only table it is must be removed: before that, wait until `otter status` shows that its pipelines have caught up. If a pipeline is named that does not report, mend it first.',
  },
  OT2007: {
    title: 'Who decides conflicts cannot change in a running channel',
    meaning:
      'Where every site decides (a mesh, `policy: manual`) the sites tell each other what they have seen in another way than where one site decides. A channel whose rows are on their way cannot go from the one to the other. Nothing was written.',
    action:
      'Stop writing to its tables, wait until `otter status` shows that its pipelines have caught up (and resolve what is open), take the channel out of the topology and apply, then put it back with the new rule and `initial: none`, and apply.',
  },
  OT2008: {
    title: 'New name that cannot be taken',
    meaning:
      'By the entries of `moved` two objects would get one name, or an object a name that another has. Nothing was written.',
    action: 'Take the entries out that were applied before, or give one of the two another name.',
  },
  OT2009: {
    title: 'Limit of a guard crossed',
    meaning:
      'The plan does more at once than `guards` of the topology allow, in the files or as they are applied. Both count, so that no plan loosens a limit and crosses it. Nothing was written.',
    action:
      'Do it in parts (`--target`, `--exclude`), or have a plan reviewed and applied first that changes nothing but `guards` (`--target policy.guards`).',
  },
  OT2010: {
    title: 'Cannot be undone, and nobody named it',
    meaning:
      'The plan ends what cannot be brought back: positions of pipelines that have run, or rows that are deleted before a copy. `--auto-approve` agrees to what can be undone. Nothing was written.',
    action:
      'When it is meant, name each such object: `--allow-destroy channel.NAME`; or let a person type its name, or review a saved plan.',
  },
  OT2011: {
    title: 'Waiver that has ended',
    meaning: 'The saved plan was allowed by a waiver of a rule, and its last day is over. Nothing was written.',
    action: 'Plan again: the rule counts now. A waiver is made longer in `rules`, where others read why.',
  },
  OT2100: {
    title: 'Rule of this topology',
    meaning: 'A rule that the topology itself has under `rules` is broken; the message is its own.',
    action: 'Do what the message says. An object may be excepted for a while: `waive`, with a day and a reason.',
  },
  OT2101: {
    title: 'Two-way channel that does not say how conflicts are decided',
    meaning:
      'Without `conflict` the first of `between` wins, and the write of the other is not kept. That should be meant.',
    action: 'Say it: `conflict: { policy: site-priority }`, or choose another policy.',
  },
  OT2102: {
    title: 'Region with a single node',
    meaning:
      'When the only node of a region ends, its pipelines stand still until it is started again. Nothing is lost.',
    action: 'Declare a second node in the region and run it on another machine.',
  },
  OT2103: {
    title: 'Database that is not protected',
    meaning:
      'Other databases of the topology have `protect: true`, and this one, which a channel uses, does not: any plan may destroy it.',
    action: 'Add `protect: true`.',
  },
  OT2104: {
    title: 'Two-way channel that begins without a copy',
    meaning:
      'With `initial: none` only changes from now on travel. Rows that differ at the beginning stay different, and changes of rows that the other side does not have stop pipelines.',
    action: 'Be sure that the databases are equal at the moment when it is applied, or copy.',
  },
  OT2105: {
    title: 'Conflicts are decided less carefully than before',
    meaning:
      'The plan takes something away that kept writes: columns are no longer merged, counters no longer add up, nobody is asked any more, another site wins, or the conflict log keeps less.',
    action: 'Look at the attributes under `conflict`, and whether that is meant.',
  },
  OT2106: {
    title: 'Protection taken away',
    meaning: 'After this plan any plan may destroy the database.',
    action: 'Leave `protect: true`, unless it is to be destroyed next.',
  },
  OT2107: {
    title: 'Rows are deleted before a copy',
    meaning: 'With `existing: replace` what a target table has is deleted before it is copied into.',
    action: '`existing: refuse` (the default) stops in place of it; `merge` keeps other rows.',
  },
  OT2108: {
    title: 'Changes of tables are passed over',
    meaning:
      'With `ddl: ignore` an ALTER TABLE at a source is not carried, and rows that do not fit the target any more stop the pipeline later.',
    action: '`ddl: stop` says so at once; `replicate` carries what can be carried.',
  },
  OT2109: {
    title: 'Limits are loosened',
    meaning: 'The plan takes limits or rules away, or makes them wider, that later plans are held against.',
    action: 'Have somebody else look at it.',
  },
  OT2031: {
    title: 'A step of the apply was not taken up',
    meaning:
      'With `--max-lag` an apply changes a few channels at a time, and goes on when their pipelines run and lag less than asked for. One failed, or did not get there in time. What was written before stays, the rest is not written.',
    action: 'See `otter status` and mend the pipeline, then `otter apply --resume`.',
  },
  OT2032: {
    title: 'Nothing to resume',
    meaning:
      'The last apply is complete, or wrote nothing, or another was begun since; or the plan of the one that was cut is not in the state store, as with earlier versions; or the state was imported, and it was cut before that.',
    action: '`otter plan` shows what is left to be done, and `otter apply` does it.',
  },
  OT2033: {
    title: 'Earlier state is not known',
    meaning:
      'To go back to a serial, or to compare two, what was written since is taken back by the plans in the journal. One of them is not there: a version of otter that kept no plans applied it.',
    action: 'Take the topology of then from version control (`otter show N` names the commit) and apply that.',
  },
  OT2034: {
    title: 'Lock is held by a process that lives',
    meaning:
      'The lock of the topology is renewed by its holder. Taking it away ends their apply in the middle: what they still write is refused.',
    action: 'Ask them, or wait. When it is meant: `otter lock break --force`.',
  },
  OT2035: {
    title: 'Cannot be paused',
    meaning: 'What was named is no channel or pipeline of the applied topology, or it is paused, or goes on, already.',
    action: '`otter status` lists channels and pipelines. A pipeline is written `shop/hz:ca`.',
  },
  OT2046: {
    title: 'The position is not moved',
    meaning:
      '`otter position set` moves the position of one one-way pipeline with one lane, by GTIDs, while it rests, to a place that the log of its source has. Of a two-way channel it is refused: what each site has seen of the other is read from the logs in their order, and with a position moved, writes would count as seen that were not.',
    action:
      'Pause the pipeline (`otter pause`), or leave its channel at `enabled: false`, and see with `otter position show` where it stands and where the log ends. Two-way, and on a server without GTIDs, have the tables copied again: take the channel out of the topology, apply, put it back, apply.',
  },
  OT2045: {
    title: 'Nothing is passed over',
    meaning:
      '`otter skip` passes over one transaction: the one before which a one-way pipeline has stopped because its target refuses it (OT5016), and never simply the next. This pipeline does not stand so, or before another one, or has several lanes; or it is one direction of a two-way channel, whose sites would differ in silence afterwards.',
    action:
      'Look at `otter status`: it names the transaction. In a two-way channel mend the cause at the target, or change the row at the source so that the target takes it. What stops a pipeline for other reasons is told with its own way on.',
  },
} as const satisfies Record<string, Explanation>;
