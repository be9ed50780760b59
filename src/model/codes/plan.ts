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
    action: 'Run `otter plan`: it shows what is left. `otter apply` continues.',
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
    title: 'Nodes do not run it yet',
    meaning:
      'The change is applied and stays, but not every node has reported in time that it runs it. The message names what is missing.',
    action:
      'Start the nodes that are named (`otter node NAME`), or see `otter status` for what they wait for. Nothing has to be applied again.',
  },
  OT2007: {
    title: 'Cancelled',
    meaning: 'A person or the system ended the command before it changed anything more.',
    action: 'Nothing, or run the command again.',
  },
  OT2008: {
    title: 'Consent missing',
    meaning: 'Applying asks a person first, and there is no terminal to ask at.',
    action: 'Apply a saved plan (`otter plan --out FILE`, then `otter apply FILE`), or say `--auto-approve`.',
  },
  OT2009: {
    title: 'Target not known',
    meaning: 'The address after `--target` names nothing that is declared or applied, or more than one thing.',
    action: 'Write the whole address, for example `channel.shop`; `otter status` has the names.',
  },
  OT2010: {
    title: 'Not a plan that can be applied',
    meaning:
      'The file is not a saved plan, has another format, was changed after it was saved, or belongs to another topology.',
    action: 'Write it again with `otter plan --out FILE`.',
  },
} as const satisfies Record<string, Explanation>;
