/**
 * `otter deadletter`: what pipelines have set aside, read from the databases where it is; and applied after all, or given up.
 *
 * Who settles something is audited, so that needs the state store; looking needs none.
 */
import { readApplied } from '../executor/applied.ts';
import { auditEntry } from '../executor/audit.ts';
import type { ListedLetter, LoggedLetter } from '../model/dead-letter.ts';
import { chainsOf } from '../model/dead-letter.ts';
import type { LettersJson, LettersSettledJson } from '../model/dead-letter-json.ts';
import { OtterError } from '../model/error.ts';
import { pipelineNamed } from '../model/kept-names.ts';
import { tableName } from '../model/row.ts';
import type { Topology } from '../model/topology.ts';
import { type Found, letterId, letterJson, renderLetter, renderLetters } from '../render/dead-letters.ts';
import { printable } from '../render/width.ts';
import { authorOf } from './author.ts';
import { databasesOf, logPlaceOf, notThere } from './conflicts.ts';
import { agreeByWord } from './consent.ts';
import { type CommonOptions, type Context, colour, EXIT, storeToRead } from './context.ts';
import { namesOf } from './names.ts';
import { asTyped } from './typed.ts';
import { loadValid } from './validate.ts';

export interface DeadLetterOptions extends CommonOptions {
  readonly limit?: number;
  /** How many changes are given up; nobody is asked then. */
  readonly lose?: number;
}

const LIMIT = 50;
/** All that a pipeline can have, of some of them. */
const ALL = 100_000;

export async function deadletter(
  context: Context,
  options: DeadLetterOptions,
  [what, address]: readonly (string | undefined)[],
): Promise<number> {
  if (what !== 'drop' && options.lose !== undefined)
    throw usage('--lose is for `otter deadletter drop`', 'otter deadletter drop ca:12 --lose 1');
  if (what === 'list') return list(context, options, address);
  if (what === 'show') return show(context, options, address);
  if (address === undefined)
    throw usage(`what to ${what!} is missing`, `otter deadletter ${what!} ca:12, or a pipeline, a channel, a database`);
  return settle(context, options, what as 'retry' | 'drop', address);
}

async function list(context: Context, options: DeadLetterOptions, address: string | undefined): Promise<number> {
  const { topology } = loadValid(context, options);
  const limit = options.limit ?? LIMIT;
  const { found, unread, asked } = await lettersOf(context, options, topology, address, limit);
  const shown = found.slice(0, limit);
  if (options.json === true) {
    const failed = unread.map(({ database, error }) => ({ database, code: error.code, message: error.message }));
    const json: LettersJson = { letters: shown.map((one) => letterJson(one, false)), unread: failed };
    context.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    const text = renderLetters(shown, { asked, limit, colour: colour(context, options) });
    context.stdout.write(asTyped(text, options, context));
  }
  for (const { database, error } of unread)
    context.stderr.write(`The dead letters of ${database} were not read: ${error.code}: ${printable(error.message)}\n`);
  return unread.length === 0 ? EXIT.done : EXIT.error;
}

async function show(context: Context, options: DeadLetterOptions, id: string | undefined): Promise<number> {
  const one = await oneLetter(context, options, id);
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify(letterJson(one, true), null, 2)}\n`
      : asTyped(renderLetter(one), options, context),
  );
  return EXIT.done;
}

async function oneLetter(
  context: Context,
  options: CommonOptions,
  id: string | undefined,
): Promise<Found<LoggedLetter>> {
  const { topology } = loadValid(context, options);
  const [, database, number] = LETTER.exec(id ?? '') ?? [];
  if (database === undefined)
    throw usage(
      `${id === undefined ? 'nothing' : `\`${id}\``} is not the id of a dead letter`,
      'ca:12, as `otter deadletter list` shows them',
    );
  if (!databasesOf(topology).includes(database)) throw notThere(topology, database);
  const { parts, signal } = context;
  await using reader = await parts.reachLetters(database, topology.database[database]!, signal);
  const letter = await reader.one(Number(number));
  if (letter === null) throw none(id!);
  const names = await namesOf(context, options, topology);
  return shownAs({ ...letter, database }, names);
}

const LETTER = /^([a-z][a-z0-9_-]*):(\d{1,15})$/;

/** Retry and drop: of the letters that an address means, with all that hang together with them. */
async function settle(
  context: Context,
  options: DeadLetterOptions,
  what: 'retry' | 'drop',
  address: string,
): Promise<number> {
  const { topology } = loadValid(context, options);
  await using store = storeToRead(context, options);
  const { applied } = await readApplied(store, topology.name, context.signal);
  const lineage = applied.meta.record?.lineage;
  const one = LETTER.exec(address);
  const place = one === null ? address : `database.${one[1]!}`;
  const { found, unread } = await lettersOf(context, options, topology, place, ALL);
  // What is not known is not settled.
  if (unread.length > 0) throw unread[0]!.error;
  const wanted = (letter: Found): boolean => one === null || letter.id === Number(one[2]);
  const groups = [
    ...Map.groupBy(
      found.filter((letter) => letter.lineage === lineage),
      (letter) => `${letter.database} ${letter.pipeline}`,
    ),
  ]
    .map(([, letters]) =>
      chainsOf(letters)
        .filter((chain) => chain.some(wanted))
        .flat(),
    )
    .filter((letters) => letters.length > 0);
  const all = groups.flat();
  if (all.length === 0) throw none(address);
  if (what === 'drop') await agreeToLose(context, options, all, address);
  const audit = auditEntry(
    topology.name,
    authorOf(context, options, `deadletter ${what}`),
    context.now(),
    context.parts.newId(),
  );
  const about = `${address}: ${all.length} dead letters`;
  // It is known that it was tried, whatever becomes of this process.
  await store.commit({ conditions: [], puts: [audit.put({ what: about, result: 'begun' })], deletes: [] });
  const settled: { done: string[]; refused: { id: string; error: string }[] } = { done: [], refused: [] };
  let ended: 'done' | 'failed' = 'failed';
  try {
    for (const letters of groups) {
      const { database, pipeline } = letters[0]!;
      const kept = pipelineNamed(pipeline, (kind, name) => applied.names.kept(kind, name));
      await using desk = await context.parts.reachLetterDesk(
        database,
        topology.database[database]!,
        lineage!,
        context.signal,
      );
      const ids = letters.map(({ id }) => id);
      const { done, refused } = what === 'retry' ? await desk.retry(kept, ids) : await desk.drop(kept, ids);
      settled.done.push(...done.map((id) => letterId({ database, id })));
      settled.refused.push(...refused.map(({ id, error }) => ({ id: letterId({ database, id }), error })));
    }
    ended = settled.refused.length === 0 ? 'done' : 'failed';
  } finally {
    const end = audit.put({ what: `${about}, ${settled.done.length} settled`, result: ended });
    await store.commit({ conditions: [], puts: [end], deletes: [] });
  }
  tell(context, options, what, settled);
  return settled.refused.length === 0 ? EXIT.done : EXIT.error;
}

function tell(context: Context, options: CommonOptions, what: 'retry' | 'drop', settled: LettersSettledJson): void {
  if (options.json === true) {
    context.stdout.write(`${JSON.stringify(settled, null, 2)}\n`);
    return;
  }
  const { done, refused } = settled;
  context.stdout.write(`${done.length} ${what === 'retry' ? 'applied' : 'dropped'}.\n`);
  for (const { id, error } of refused)
    context.stdout.write(`${id} is refused still, and what waits behind it stays: ${printable(error)}\n`);
}

async function agreeToLose(
  context: Context,
  options: DeadLetterOptions,
  letters: readonly Found[],
  address: string,
): Promise<void> {
  const { lose } = options;
  const n = letters.length;
  const rows = new Set(letters.map(({ table, key }) => `${tableName(table)} ${JSON.stringify(key)}`)).size;
  if (lose === n) return;
  const hint = `See them: otter deadletter list. Then, without being asked: otter deadletter drop ${address} --lose ${n}`;
  if (lose !== undefined) throw new OtterError('OT7030', `there are ${n} changes to lose, not ${lose}`, { hint });
  if (options.json !== true) {
    const tables = Map.groupBy(letters, ({ table }) => tableName(table));
    context.stdout.write(`These changes of ${rows} rows will never be made here, and cannot be had back:\n`);
    for (const [table, of] of tables) {
      const kinds = Map.groupBy(of, ({ kind }) => kind);
      const counts = [...kinds].map(([kind, list]) => `${list.length} ${kind}`).join(', ');
      context.stdout.write(`  ${printable(table)}: ${counts}\n`);
    }
    context.stdout.write('The rows stay as they are here; later changes of them are applied to that.\n');
  }
  await agreeByWord(context, `To give up ${n} changes,`, address, { alone: 'nobody has agreed to lose them', hint });
}

interface Read {
  readonly found: readonly Found[];
  readonly unread: readonly { readonly database: string; readonly error: OtterError }[];
  readonly asked: readonly string[];
}

/** What goes wrong with one database is an answer too: the others are asked all the same. */
async function lettersOf(
  context: Context,
  options: CommonOptions,
  topology: Topology,
  address: string | undefined,
  limit: number,
): Promise<Read> {
  const { databases, channel, pipeline } = logPlaceOf(topology, address, 'deadletter list');
  const names = await namesOf(context, options, topology);
  const query = {
    channel: channel === null ? null : names.kept('channel', channel),
    pipeline: pipeline === null ? null : pipelineNamed(pipeline, (kind, name) => names.kept(kind, name)),
    limit,
  };
  const { parts, signal } = context;
  const read = await Promise.all(
    databases.map(async (database) => {
      try {
        await using reader = await parts.reachLetters(database, topology.database[database]!, signal);
        return { database, letters: await reader.list(query), error: null };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof OtterError)) throw error;
        return { database, letters: [], error };
      }
    }),
  );
  return {
    found: read.flatMap(({ database, letters }) => letters.map((letter) => shownAs({ ...letter, database }, names))),
    unread: read.flatMap(({ database, error }) => (error === null ? [] : [{ database, error }])),
    asked: read.flatMap(({ database, error }) => (error === null ? [database] : [])),
  };
}

/** By the names that people know. */
function shownAs<T extends ListedLetter>(letter: Found<T>, names: Awaited<ReturnType<typeof namesOf>>): Found<T> {
  const { channel, pipeline } = letter;
  return { ...letter, channel: names.shown('channel', channel), pipeline: names.shownPipeline(pipeline) };
}

function none(what: string): OtterError {
  return new OtterError('OT7032', `there is no dead letter ${what}`, {
    hint: '`otter deadletter list` shows those that there are.',
  });
}

function usage(message: string, example: string): OtterError {
  return new OtterError('OT7001', message, { hint: `For example: ${example}` });
}
