/** `otter move DATABASE NODE`: which node is to own a database. */
import { readApplied } from '../executor/applied.ts';
import { auditEntry } from '../executor/audit.ts';
import { owned, place, placingOf } from '../executor/placing.ts';
import { OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';

export interface MoveOptions extends CommonOptions {
  readonly reason?: string;
  readonly anywhere?: boolean;
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
}

const TIMEOUT_MS = 30_000;

export async function move(
  context: Context,
  options: MoveOptions,
  database: string,
  node: string | undefined,
): Promise<number> {
  const { now, parts, signal, stdout, stderr } = context;
  if ((node === undefined) !== (options.anywhere === true))
    throw new OtterError('OT7001', 'a node, or `--anywhere`, and not both', { hint: 'otter move hz hz-2' });
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const author = authorOf(context, options, 'move');
  const audit = auditEntry(topology, author, now(), parts.newId());
  const { by, host } = author;
  const record = { by, host, at: new Date(now()).toISOString(), reason: options.reason ?? null };
  for (;;) {
    const { applied } = await readApplied(store, topology, signal);
    const placing = placingOf(database, node ?? null, applied);
    if (!(await place(store, topology, placing, record, audit))) continue;
    const what = `database.${placing.database.name}`;
    const say = (text: string, owner: string | null): void => {
      const json = { address: what, node: placing.node?.name ?? null, owner };
      stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`);
    };
    if (placing.node === null) {
      say(`${what} stays where it is, and goes wherever a node of its region lives.`, null);
      return EXIT.done;
    }
    const { name } = placing.node;
    if (options.wait === false) {
      say(`${what} is to be owned by ${name}.`, null);
      return EXIT.done;
    }
    const timeoutMs = options.timeout ?? TIMEOUT_MS;
    const owner = await owned(store, topology, placing, timeoutMs, signal);
    if (owner === name) {
      say(`${what} is owned by ${name}.`, owner);
      return EXIT.done;
    }
    const held = owner === null ? 'nobody owns it' : `${owner} owns it`;
    stderr.write(
      `Error OT7008: ${name} has not taken ${what} after ${timeoutMs / 1000} s; ${held}\nIt goes there as soon as ${name} lives, see \`otter status\`.\n`,
    );
    return EXIT.timeout;
  }
}
