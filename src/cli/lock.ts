/** `otter lock list` and `otter lock break`: who applies, since when, whether they live; and their lock taken away. */
import { breakLock, type HeldLock, LOCK_TTL_MS, personOf, readLock } from '../executor/apply-lock.ts';
import { auditEntry } from '../executor/audit.ts';
import { OtterError } from '../model/error.ts';
import { elapsedText } from '../render/progress.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { agree } from './consent.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';

export interface LockOptions extends CommonOptions {
  readonly yes?: boolean;
  /** Also when its holder is known to live. */
  readonly force?: boolean;
}

export async function lock(context: Context, options: LockOptions, what: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const held = await readLock(store, topology, context.signal);
  if (what === 'list' || held === null) {
    const json = { topology, lock: held === null ? null : { ...held.record, ...livesOf(context, held) } };
    const text = held === null ? `Nobody holds the lock of ${topology}.` : described(context, topology, held);
    context.stdout.write(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${text}\n`);
    return EXIT.done;
  }
  context.stderr.write(`${described(context, topology, held)}\n`);
  if (livesOf(context, held).lives === true && options.force !== true) {
    throw new OtterError('OT2034', `${personOf(held.record)} lives, and is applying`, {
      hint: 'Wait until it is done. When it is meant: otter lock break --force',
      where: { topology },
    });
  }
  if (options.yes !== true) {
    await agree(context, 'Take the lock away? What its holder still writes is refused.', {
      alone: 'nobody has agreed to break the lock',
      hint: 'Look at `otter lock list`, and add --yes.',
    });
  }
  const { holder, host, pid, operation, since } = held.record;
  const what_ = `${holder}@${host} (pid ${pid}), ${operation}, since ${since}`;
  const audit = auditEntry(topology, authorOf(context, options, 'lock break'), context.now(), context.parts.newId());
  if (!(await breakLock(store, topology, held, audit.put({ what: what_, result: 'done' })))) {
    throw new OtterError(
      'OT2002',
      'the lock is no longer the one that was shown: it was given back, or somebody else has it',
      {
        hint: 'Look again: otter lock list',
        where: { topology },
      },
    );
  }
  context.stderr.write(
    'The lock is free. `otter plan` shows what their apply has left; `otter apply --resume` goes on with it.\n',
  );
  return EXIT.done;
}

interface Lives {
  readonly age_ms: number;
  /** Null where only its lease can tell, which is renewed as long as its process lives. */
  readonly lives: boolean | null;
}

function livesOf({ parts, now }: Context, { record }: HeldLock): Lives {
  const here = parts.who().host === record.host;
  return { age_ms: Math.max(0, now() - Date.parse(record.since)), lives: here ? parts.runs(record.pid) : null };
}

function described(context: Context, topology: string, held: HeldLock): string {
  const { record } = held;
  const { age_ms, lives } = livesOf(context, held);
  const seconds = LOCK_TTL_MS / 1000;
  const alive =
    lives === true
      ? 'Its process runs on this machine.'
      : lives === false
        ? `No such process runs on this machine: the lock goes by itself within ${seconds} s of its end.`
        : `Its lease is renewed from ${record.host}; it goes by itself within ${seconds} s of the end of that process.`;
  return printable(
    `${topology}: ${personOf(record)} holds the lock since ${record.since} (${elapsedText(age_ms)}): ${record.operation}. ${alive}`,
  );
}
