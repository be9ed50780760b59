/**
 * Where Otter 4 stands in the logs: the cursors of its canals, which ZooKeeper has, and the start positions that the canals were
 * given, which the manager has. A file and an offset mean something on one server only; asked, it says which GTIDs they are.
 */
import type { Address, Canal, CanalPosition, Login, Manager, Pipeline } from './manager.ts';
import { positionOf } from './manager-values.ts';

/** `destination/client` to where it stands. */
export type Cursors = ReadonlyMap<string, CanalPosition>;

/** What is to be asked of a source server. */
export interface PipelinePoint {
  readonly pipeline: number;
  readonly canal: string;
  /** A cursor is where it stands now; a start is where it once began. */
  readonly from: 'cursor' | 'start';
  readonly position: CanalPosition;
  readonly address: Address | null;
  readonly user: string;
  readonly login: Login;
}

/** What is known of a pipeline's position, in words. */
export interface PositionFacts {
  readonly point: PipelinePoint;
  /** `mysql:UUID:1-5`; null: not to be told. */
  readonly gtids: string | null;
  /** Why not; null: it is told. */
  readonly problem: string | null;
}

/**
 * What `zkCli` printed, or any other text in which a path is followed by its JSON:
 * `/otter/canal/destinations/NAME/1001/cursor` and then `{"@type": …}`.
 */
export function readCursors(text: string): Cursors {
  const cursors = new Map<string, CanalPosition>();
  const paths = [...text.matchAll(/\/otter\/canal\/destinations\/([^/\s]+)\/(\d+)\/cursor/g)];
  paths.forEach((match, i) => {
    const end = paths[i + 1]?.index ?? text.length;
    const json = objectIn(text.slice(match.index + match[0].length, end));
    const [position] = json === null ? [] : positionOf(json);
    if (position !== undefined) cursors.set(`${match[1]}/${match[2]}`, position);
  });
  return cursors;
}

/** The first `{...}` of a text, with what is nested in it; braces within texts do not count. */
function objectIn(text: string): string | null {
  const start = text.indexOf('{');
  if (start < 0) return null;
  let [depth, quoted] = [0, false];
  for (let i = start; i < text.length; i += 1) {
    const sign = text[i];
    if (quoted) {
      if (sign === '\\') i += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === '{') depth += 1;
    else if (sign === '}' && --depth === 0) return text.slice(start, i + 1);
  }
  return null;
}

export function pointsOf(manager: Manager, cursors: Cursors): PipelinePoint[] {
  return manager.pipelines.flatMap((pipeline) => pointOf(pipeline, manager.canals.get(pipeline.destination), cursors));
}

function pointOf({ id, destination, clientId }: Pipeline, canal: Canal | undefined, cursors: Cursors): PipelinePoint[] {
  const cursor = cursors.get(`${destination}/${clientId}`);
  // One for each address of the canal, the master's first.
  const start = canal?.positions[0];
  const position = cursor ?? start;
  if (position === undefined || (position.file === null && position.gtid === null && position.timestamp === null))
    return [];
  return [
    {
      pipeline: id,
      canal: destination,
      from: cursor === undefined ? 'start' : 'cursor',
      position,
      address: canal?.addresses[0]?.[0] ?? null,
      user: canal?.user ?? '',
      login: canal?.login ?? (() => ''),
    },
  ];
}

/** @param made what it is called here, ready to be typed; null: its position cannot be moved */
export function positionNote({ point, gtids, problem }: PositionFacts, pipeline: string, made: string | null): string {
  const { position, canal, from } = point;
  const { file, offset, gtid, timestamp } = position;
  const places = [
    ...(file === null ? [] : [`${file}:${offset ?? 4}`]),
    ...(gtid === null ? [] : [`GTIDs ${gtid}`]),
    ...(file === null && gtid === null && timestamp !== null ? [`the time ${new Date(timestamp).toISOString()}`] : []),
  ].join(', ');
  const what = from === 'cursor' ? 'stood at' : 'was told to begin at';
  const told =
    gtids !== null
      ? `; its server says that this is ${gtids}`
      : problem === null
        ? ''
        : `; as GTIDs it is not known: ${problem}`;
  // Where it once began is long ago.
  const to = gtids?.replace(/^(mysql|mariadb):/, '') ?? (file === null ? null : `${file}:${offset ?? 4}`);
  const command =
    made === null || to === null || to === '' || from !== 'cursor'
      ? ''
      : ` To begin there, before it is enabled: otter position set ${made} --to ${to}`;
  return `Pipeline ${pipeline}: the canal ${canal} ${what} ${places}${told}.${command}`;
}
