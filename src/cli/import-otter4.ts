/** What `otter import --otter4` asks: the manager's database, and the servers that its canals read. */
import { parseAddress } from '../import/address.ts';
import type { Draft } from '../import/draft.ts';
import { type PipelinePoint, type PositionFacts, pointsOf, readCursors } from '../import/otter4/positions.ts';
import { readManager } from '../import/otter4/read-manager.ts';
import { type PlacedDatabase, serversOf } from '../import/otter4/servers.ts';
import { draftOf } from '../import/otter4/topology.ts';
import { OtterError } from '../model/error.ts';
import type { AskedPoint, FoundPoint } from '../model/importing.ts';
import { parsePosition } from '../model/position.ts';
import type { Context } from './context.ts';
import { passwordFor } from './password.ts';

const PASSWORD_VARIABLE = 'OTTER4_PASSWORD';
const DEFAULT_NAME = 'otter4';
/** What is asked of one server is little; one that hangs must not hold up the rest. */
const ANSWER_MS = 30_000;

export interface Otter4Options {
  readonly otter4?: string;
  readonly cursors?: string;
  readonly offline?: boolean;
  /** Of the topology. */
  readonly name?: string;
}

export async function readOtter4(context: Context, options: Otter4Options): Promise<Draft> {
  const { parts, signal } = context;
  const { address } = parseAddress('--otter4', options.otter4!);
  const cursors = readCursors(options.cursors === undefined ? '' : parts.readFile(options.cursors));
  if (options.cursors !== undefined && cursors.size === 0) {
    throw new OtterError('OT7003', `${options.cursors} has no cursor of a canal`, {
      hint: 'It wants a path /otter/canal/destinations/NAME/1001/cursor, and behind it what ZooKeeper has there.',
    });
  }
  const password = await passwordFor(context, PASSWORD_VARIABLE, `${address.user} at the manager's database`);
  const manager = readManager(await parts.readManager(address, password, signal));
  const servers = serversOf(manager);
  const offline = options.offline === true;
  const families = new Map<string, 'mysql' | 'mariadb'>();
  for (const database of offline ? [] : servers.databases) {
    const family = await familyOf(context, database);
    if (family !== null) families.set(database.name, family);
  }
  const positions = new Map<number, PositionFacts>();
  for (const point of pointsOf(manager, cursors)) positions.set(point.pipeline, await factsOf(context, point, offline));
  return draftOf(manager, servers, { name: options.name ?? DEFAULT_NAME, families, positions });
}

/** Null when it did not say. */
async function familyOf(
  context: Context,
  { address, user, login }: PlacedDatabase,
): Promise<FoundPoint['family'] | null> {
  if (address === null) return null;
  const found = await asked(context, { address, user, login }, null);
  return found instanceof OtterError ? null : found.family;
}

async function factsOf(context: Context, point: PipelinePoint, offline: boolean): Promise<PositionFacts> {
  const { file, offset, gtid } = point.position;
  if (gtid !== null) {
    const position = gtidPosition(gtid);
    return { point, gtids: position, problem: position === null ? 'they are not written as GTIDs are' : null };
  }
  if (file === null) return { point, gtids: null, problem: 'a time is no place in a log' };
  if (offline) return { point, gtids: null, problem: 'its server was not asked' };
  if (point.address === null) return { point, gtids: null, problem: 'its canal names no server' };
  const found = await asked(context, { ...point, address: point.address }, { file, offset: offset ?? 4 });
  if (found instanceof OtterError) return { point, gtids: null, problem: `${found.message} (${found.code})` };
  return { point, gtids: found.gtids, problem: found.gtids === null ? 'the log has no GTIDs there' : null };
}

function gtidPosition(gtid: string): string | null {
  for (const family of ['mysql', 'mariadb']) {
    try {
      parsePosition(`${family}:${gtid}`);
      return `${family}:${gtid}`;
    } catch (error) {
      if (!(error instanceof OtterError)) throw error;
    }
  }
  return null;
}

/** With the account that the manager has for it. A server that does not answer is no reason to write nothing. */
async function asked(
  { parts, signal }: Context,
  {
    address,
    user,
    login,
  }: { readonly address: { host: string; port: number }; readonly user: string; readonly login: () => string },
  point: AskedPoint | null,
): Promise<FoundPoint | OtterError> {
  const late = AbortSignal.timeout(ANSWER_MS);
  try {
    return await parts.findPoint({ ...address, user, schema: null }, login(), point, AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OtterError) return error;
    if (late.aborted) return new OtterError('OT4004', `the server did not answer within ${ANSWER_MS / 1000} s`);
    throw error;
  }
}
