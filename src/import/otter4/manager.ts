/**
 * The rows of an Otter 4 manager's database as objects: what its JSON columns hold, with its defaults filled in.
 *
 * Rule: any rows give a manager; what is not understood is a problem in words, never an exception. Passwords are kept apart
 * (`Login`), so that nothing that is written or printed can hold one by mistake. Source: otter-manager-schema.sql and the
 * classes that its columns are the JSON of.
 */
import type { ManagerRow, ManagerRows, ManagerTable } from '../../model/importing.ts';

export interface Manager {
  readonly channels: readonly Channel[];
  readonly pipelines: readonly Pipeline[];
  readonly pairs: readonly Pair[];
  readonly media: ReadonlyMap<number, Media>;
  readonly sources: readonly Source[];
  readonly canals: ReadonlyMap<string, Canal>;
  readonly nodes: readonly ManagerNode[];
  readonly alarms: readonly Alarm[];
  readonly matrices: ReadonlyMap<string, Matrix>;
  readonly system: SystemParameters;
  /** What was not understood. */
  readonly problems: readonly string[];
}

export interface Channel {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly consistency: string;
  readonly mode: string;
  readonly remedy: boolean;
}

export interface Pipeline {
  readonly id: number;
  readonly channel: number;
  readonly name: string;
  readonly home: boolean;
  readonly ddlSync: boolean;
  readonly dryRun: boolean;
  /** Name of its canal. */
  readonly destination: string;
  readonly clientId: number;
  readonly channelInfo: string;
  /** Skip switches that are on, by their names in Otter 4. */
  readonly skips: readonly string[];
  readonly useExternalIp: boolean;
  /** Nodes by where they work: ids. */
  readonly select: readonly number[];
  readonly load: readonly number[];
}

/** Code that rows or files go through; null: none. */
export interface Extension {
  readonly kind: 'class' | 'source';
  /** Name of the class; empty where only its text is known. */
  readonly name: string;
}

export interface Pair {
  readonly id: number;
  readonly pipeline: number;
  readonly source: number;
  readonly target: number;
  readonly weight: number;
  readonly filter: Extension | null;
  readonly resolver: Extension | null;
  readonly mode: 'include' | 'exclude';
  /** Source column and target column. */
  readonly columns: readonly (readonly [string, string])[];
  readonly groups: number;
}

export interface Media {
  readonly id: number;
  readonly namespace: string;
  readonly name: string;
  readonly source: number;
}

export interface Source {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly url: string;
  readonly user: string;
  readonly encode: string;
  readonly login: Login;
}

/** A password that the manager keeps in clear; a function, so that it is in no JSON and no message. */
export type Login = () => string;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Canal {
  readonly name: string;
  readonly sourcing: string;
  /** Master, then standbys; each the servers that are merged into one stream. */
  readonly addresses: readonly (readonly Address[])[];
  readonly user: string;
  readonly login: Login;
  readonly positions: readonly CanalPosition[];
  readonly gtid: boolean;
  readonly blackFilter: string;
  readonly haMode: string;
  readonly mediaGroup: string;
  readonly tsdb: boolean;
  readonly rds: boolean;
}

/** Where a canal begins, or stands. */
export interface CanalPosition {
  readonly file: string | null;
  readonly offset: number | null;
  readonly gtid: string | null;
  /** Milliseconds. */
  readonly timestamp: number | null;
}

export interface ManagerNode {
  readonly id: number;
  readonly name: string;
  readonly ip: string;
  readonly externalIp: string;
  /** Name of its ZooKeeper cluster; empty when it has none. */
  readonly cluster: string;
}

export interface Alarm {
  readonly pipeline: number;
  readonly monitor: string;
  /** Before `@`. */
  readonly value: string;
  /** After `@`, as written. */
  readonly times: string;
  readonly receiver: string;
  readonly status: string;
  readonly intervalSeconds: number;
  readonly recovers: boolean;
}

export interface Matrix {
  readonly master: string;
  readonly slave: string;
}

export interface SystemParameters {
  readonly receivers: ReadonlyMap<string, readonly string[]>;
  readonly schema: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function readManager(rows: ManagerRows): Manager {
  const problems: string[] = [];
  const reader = new Reader(rows, problems);
  const nodesAt = (location: string): ReadonlyMap<number, number[]> => {
    const found = reader
      .rows('PIPELINE_NODE_RELATION')
      .filter((row) => text(row['LOCATION']).toUpperCase() === location);
    return new Map(
      [...Map.groupBy(found, (row) => id(row['PIPELINE_ID']))].map(([pipeline, list]) => [
        pipeline,
        list.map((row) => id(row['NODE_ID'])),
      ]),
    );
  };
  const [select, load] = [nodesAt('SELECT'), nodesAt('LOAD')];
  const clusters = new Map(reader.rows('AUTOKEEPER_CLUSTER').map((row) => [id(row['ID']), text(row['CLUSTER_NAME'])]));
  const columns = Map.groupBy(reader.rows('COLUMN_PAIR'), (row) => id(row['DATA_MEDIA_PAIR_ID']));
  const groups = Map.groupBy(reader.rows('COLUMN_PAIR_GROUP'), (row) => id(row['DATA_MEDIA_PAIR_ID']));
  return {
    channels: reader.rows('CHANNEL').map((row) => channelOf(row, reader.json('CHANNEL', row, 'PARAMETERS'))),
    pipelines: reader.rows('PIPELINE').map((row) =>
      pipelineOf(row, reader.json('PIPELINE', row, 'PARAMETERS'), {
        select: select.get(id(row['ID'])) ?? [],
        load: load.get(id(row['ID'])) ?? [],
      }),
    ),
    pairs: reader.rows('DATA_MEDIA_PAIR').map((row) => ({
      id: id(row['ID']),
      pipeline: id(row['PIPELINE_ID']),
      source: id(row['SOURCE_DATA_MEDIA_ID']),
      target: id(row['TARGET_DATA_MEDIA_ID']),
      weight: row['PUSHWEIGHT'] === null ? 5 : id(row['PUSHWEIGHT']),
      filter: extension(reader.json('DATA_MEDIA_PAIR', row, 'FILTER')),
      resolver: extension(reader.json('DATA_MEDIA_PAIR', row, 'RESOLVER')),
      mode: text(row['COLUMN_PAIR_MODE']).toUpperCase() === 'EXCLUDE' ? 'exclude' : 'include',
      columns: (columns.get(id(row['ID'])) ?? []).map(
        (one) => [text(one['SOURCE_COLUMN']), text(one['TARGET_COLUMN']) || text(one['SOURCE_COLUMN'])] as const,
      ),
      groups: groups.get(id(row['ID']))?.length ?? 0,
    })),
    media: new Map(
      reader.rows('DATA_MEDIA').map((row) => [
        id(row['ID']),
        {
          id: id(row['ID']),
          namespace: text(row['NAMESPACE']).trim(),
          name: text(row['NAME']).trim(),
          source: id(row['DATA_MEDIA_SOURCE_ID']),
        },
      ]),
    ),
    sources: reader.rows('DATA_MEDIA_SOURCE').map((row) => {
      const said = reader.json('DATA_MEDIA_SOURCE', row, 'PROPERTIES');
      return {
        id: id(row['ID']),
        name: text(row['NAME']),
        type: text(row['TYPE']).toUpperCase(),
        url: text(said['url']).trim(),
        user: text(said['username']),
        encode: text(said['encode']),
        login: () => text(said['password']),
      };
    }),
    canals: new Map(
      reader.rows('CANAL').map((row) => {
        const canal = canalOf(text(row['NAME']), reader.json('CANAL', row, 'PARAMETERS'));
        return [canal.name, canal];
      }),
    ),
    nodes: reader.rows('NODE').map((row) => nodeOf(row, reader.json('NODE', row, 'PARAMETERS'), clusters)),
    alarms: reader.rows('ALARM_RULE').map((row) => alarmOf(row, reader.json('ALARM_RULE', row, 'PARAMETERS'))),
    matrices: new Map(
      reader
        .rows('DATA_MATRIX')
        .map((row) => [text(row['GROUP_KEY']), { master: text(row['MASTER']), slave: text(row['SLAVE']) }]),
    ),
    system: systemOf(reader.rows('SYSTEM_PARAMETER').map((row) => reader.json('SYSTEM_PARAMETER', row, 'VALUE'))),
    problems,
  };
}

class Reader {
  readonly #rows: ManagerRows;
  readonly #problems: string[];

  constructor(rows: ManagerRows, problems: string[]) {
    this.#rows = rows;
    this.#problems = problems;
  }

  /** By their ids. */
  rows(table: ManagerTable): ManagerRow[] {
    return [...this.#rows[table]].sort((a, b) => id(a['ID']) - id(b['ID']));
  }

  json(table: ManagerTable, row: ManagerRow, column: string): Fields {
    const given = text(row[column]);
    if (given === '') return {};
    try {
      return fields(JSON.parse(given));
    } catch {
      this.#problems.push(
        `${table} ${text(row['ID'])}: ${column} is not JSON, so its settings are taken to be the defaults`,
      );
      return {};
    }
  }
}

function channelOf(row: ManagerRow, said: Fields): Channel {
  return {
    id: id(row['ID']),
    name: text(row['NAME']),
    description: text(row['DESCRIPTION']),
    consistency: text(said['syncConsistency']) || 'BASE',
    mode: text(said['syncMode']) || 'FIELD',
    remedy: said['enableRemedy'] === true,
  };
}

const SKIPS = ['skipSelectException', 'skipLoadException', 'skipDdlException', 'skipNoRow', 'skipFreedom'] as const;

function pipelineOf(row: ManagerRow, said: Fields, nodes: Pick<Pipeline, 'select' | 'load'>): Pipeline {
  return {
    id: id(row['ID']),
    channel: id(row['CHANNEL_ID']),
    name: text(row['NAME']),
    home: said['home'] === true,
    ddlSync: said['ddlSync'] !== false,
    dryRun: said['dryRun'] === true,
    destination: text(said['destinationName']),
    clientId: Number(said['mainstemClientId'] ?? 1001),
    channelInfo: text(said['channelInfo']),
    skips: SKIPS.filter((name) => said[name] === true),
    useExternalIp: said['useExternalIp'] === true,
    ...nodes,
  };
}

function extension(said: Fields): Extension | null {
  const [name, source] = [text(said['clazzPath']).trim(), text(said['sourceText']).trim()];
  const kind = text(said['extensionDataType']).toUpperCase() === 'SOURCE' ? 'source' : 'class';
  if (kind === 'class') return name === '' ? null : { kind, name };
  return source === '' ? null : { kind, name: /\bclass\s+(\w+)/.exec(source)?.[1] ?? '' };
}

function canalOf(name: string, said: Fields): Canal {
  const grouped = list(said['groupDbAddresses']).map((group) =>
    list(group).map((one) => address(fields(one)['dbAddress'])),
  );
  const plain = list(said['dbAddresses']).map((one) => [address(one)]);
  const addresses = (grouped.length > 0 ? grouped : plain).map((group) => group.filter((one) => one !== null));
  return {
    name,
    sourcing: text(said['sourcingType']) || 'MYSQL',
    addresses: addresses.filter((group) => group.length > 0),
    user: text(said['dbUsername']),
    login: () => text(said['dbPassword']),
    positions: list(said['positions']).flatMap((one) => positionOf(text(one))),
    gtid: said['gtidEnable'] === true,
    blackFilter: text(said['blackFilter']).trim(),
    haMode: text(said['haMode']) || 'HEARTBEAT',
    mediaGroup: text(said['mediaGroup']),
    tsdb: said['tsdbEnable'] === true,
    rds: text(said['rdsInstanceId']) !== '',
  };
}

/** Addresses of the JSON of Java's sockets, in the forms that several versions of it wrote. */
function address(said: unknown): Address | null {
  if (typeof said === 'string') return hostAndPort(said.replace(/^[^/]*\//, ''));
  const { address: host, hostName, hostname, port } = fields(said);
  const name = (text(host) || text(hostName) || text(hostname)).replace(/^\//, '');
  const at = hostAndPort(name);
  return at === null ? null : { host: at.host, port: Number(port ?? 3306) };
}

/** `host:port`, `[::1]:port` or a host alone; null for what is none of them. */
export function hostAndPort(given: string): Address | null {
  const text = given.trim();
  const [, six, name, port] =
    /^(?:\[([\da-f:.]+)\]|([a-z\d](?:[a-z\d._-]*[a-z\d])?))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = six ?? name ?? (/^[\da-f]*:[\da-f:.]*:[\da-f.]*$/i.test(text) ? text : undefined);
  const number = Number(port ?? 3306);
  return host === undefined || number < 1 || number > 65_535 ? null : { host, port: number };
}

/** The JSON of a canal's start position, or of a cursor in ZooKeeper. */
export function positionOf(given: string): CanalPosition[] {
  let said: Fields;
  try {
    said = fields(JSON.parse(given));
  } catch {
    return [];
  }
  // A cursor has it one level down, under a key that is spelled so there.
  const inner = fields(said['postion'] ?? said['position']);
  const at = Object.keys(inner).length > 0 ? inner : said;
  const number = (value: unknown): number | null => (typeof value === 'number' ? value : Number(text(value)) || null);
  return [
    {
      file: text(at['journalName']) || null,
      offset: number(at['position']),
      gtid: text(at['gtid']) || null,
      timestamp: number(at['timestamp']),
    },
  ];
}

function nodeOf(row: ManagerRow, said: Fields, clusters: ReadonlyMap<number, string>): ManagerNode {
  const cluster = fields(said['zkCluster']);
  return {
    id: id(row['ID']),
    name: text(row['NAME']),
    ip: text(row['IP']).trim(),
    externalIp: said['useExternalIp'] === true ? text(said['externalIp']).trim() : '',
    cluster: text(cluster['clusterName']) || (clusters.get(id(cluster['id'] as ManagerRow[string])) ?? ''),
  };
}

function alarmOf(row: ManagerRow, said: Fields): Alarm {
  const [value = '', times = ''] = text(row['MATCH_VALUE']).split('@', 2);
  return {
    pipeline: id(row['PIPELINE_ID']),
    monitor: text(row['MONITOR_NAME']).toUpperCase(),
    value: value.trim(),
    times: times.trim(),
    receiver: text(row['RECEIVER_KEY']).trim(),
    status: text(row['STATUS']).toUpperCase(),
    intervalSeconds: Number(said['intervalTime'] ?? 1800),
    recovers: said['autoRecovery'] === true,
  };
}

function systemOf(rows: readonly Fields[]): SystemParameters {
  const said = Object.assign({}, ...rows) as Fields;
  const receivers = Object.entries(fields(said['alarmReceiveMap'] ?? said['alarmReceiver'])).map(
    ([key, value]) =>
      [
        key,
        text(value)
          .split(/[,;]/)
          .map((one) => one.trim())
          .filter((one) => one !== ''),
      ] as const,
  );
  return { receivers: new Map(receivers), schema: text(said['systemSchema']) || 'retl' };
}

function id(value: string | number | null | undefined): number {
  return Number(value ?? 0);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
