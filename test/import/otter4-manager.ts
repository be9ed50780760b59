/**
 * An Otter 4 manager's database as its pages fill it: tables and columns of its public schema, JSON as its versions write it.
 * Used as values by unit tests, and as SQL on a real server.
 */
import { MANAGER_TABLES, type ManagerRow, type ManagerRows, type ManagerTable } from '../../src/model/importing.ts';

/** Names and types of the columns, as the public schema has them. */
const TIMES = `GMT_CREATE timestamp NOT NULL DEFAULT '2020-01-01 00:00:00', GMT_MODIFIED timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP`;
const COLUMNS: Readonly<Record<ManagerTable, string>> = {
  ALARM_RULE:
    'MONITOR_NAME varchar(1024), RECEIVER_KEY varchar(1024), STATUS varchar(32), PIPELINE_ID bigint NOT NULL, DESCRIPTION varchar(256), MATCH_VALUE varchar(1024), PARAMETERS text',
  AUTOKEEPER_CLUSTER:
    'CLUSTER_NAME varchar(200) NOT NULL, SERVER_LIST varchar(1024) NOT NULL, DESCRIPTION varchar(200)',
  CANAL: 'NAME varchar(200), DESCRIPTION varchar(200), PARAMETERS text, UNIQUE KEY CANALUNIQUE (NAME)',
  CHANNEL: 'NAME varchar(200) NOT NULL, DESCRIPTION varchar(200), PARAMETERS text, UNIQUE KEY CHANNELUNIQUE (NAME)',
  COLUMN_PAIR: 'SOURCE_COLUMN varchar(200), TARGET_COLUMN varchar(200), DATA_MEDIA_PAIR_ID bigint NOT NULL',
  COLUMN_PAIR_GROUP: 'DATA_MEDIA_PAIR_ID bigint NOT NULL, COLUMN_PAIR_CONTENT text',
  DATA_MATRIX: 'GROUP_KEY varchar(200), MASTER varchar(200), SLAVE varchar(200), DESCRIPTION varchar(200)',
  DATA_MEDIA:
    'NAME varchar(200) NOT NULL, NAMESPACE varchar(200) NOT NULL, PROPERTIES varchar(1000) NOT NULL, DATA_MEDIA_SOURCE_ID bigint NOT NULL, UNIQUE KEY DATAMEDIAUNIQUE (NAME, NAMESPACE, DATA_MEDIA_SOURCE_ID)',
  DATA_MEDIA_PAIR:
    'PULLWEIGHT bigint, PUSHWEIGHT bigint, RESOLVER text, FILTER text, SOURCE_DATA_MEDIA_ID bigint, TARGET_DATA_MEDIA_ID bigint, PIPELINE_ID bigint NOT NULL, COLUMN_PAIR_MODE varchar(20)',
  DATA_MEDIA_SOURCE: 'NAME varchar(200) NOT NULL, TYPE varchar(20) NOT NULL, PROPERTIES varchar(1000) NOT NULL',
  NODE: 'NAME varchar(200) NOT NULL, IP varchar(200) NOT NULL, PORT bigint NOT NULL, DESCRIPTION varchar(200), PARAMETERS text',
  PIPELINE: 'NAME varchar(200) NOT NULL, DESCRIPTION varchar(200), PARAMETERS text, CHANNEL_ID bigint NOT NULL',
  PIPELINE_NODE_RELATION: 'NODE_ID bigint NOT NULL, PIPELINE_ID bigint NOT NULL, LOCATION varchar(20) NOT NULL',
  SYSTEM_PARAMETER: 'VALUE text',
};

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
}

const NO_EXTENSION = JSON.stringify({
  blank: true,
  clazzPath: '',
  extensionDataType: 'CLAZZ',
  notBlank: false,
  timestamp: 1586774167238,
});

export class ManagerFixture {
  readonly #rows = Object.fromEntries(MANAGER_TABLES.map((table) => [table, [] as ManagerRow[]])) as Record<
    ManagerTable,
    ManagerRow[]
  >;

  #add(table: ManagerTable, row: ManagerRow): number {
    const id = this.#rows[table].length + 1;
    this.#rows[table].push({ ID: id, ...row });
    return id;
  }

  cluster(name: string): number {
    return this.#add('AUTOKEEPER_CLUSTER', { CLUSTER_NAME: name, SERVER_LIST: '["10.9.0.1:2181"]', DESCRIPTION: null });
  }

  node(name: string, ip: string, cluster: number | null = null, more: object = {}): number {
    const zkCluster = cluster === null ? undefined : { id: cluster };
    const parameters = { downloadPort: 2089, mbeanPort: 2090, useExternalIp: false, zkCluster, ...more };
    return this.#add('NODE', {
      NAME: name,
      IP: ip,
      PORT: 2088,
      DESCRIPTION: null,
      PARAMETERS: JSON.stringify(parameters),
    });
  }

  source(name: string, server: Server | string, type = 'MYSQL'): number {
    const url = typeof server === 'string' ? server : `jdbc:mysql://${server.host}:${server.port}`;
    const { user = 'root', password = 'manager-knows' } = typeof server === 'string' ? {} : server;
    const driver = 'com.mysql.jdbc.Driver';
    const properties = { driver, encode: 'UTF8', name, password, type, url, username: user };
    return this.#add('DATA_MEDIA_SOURCE', { NAME: name, TYPE: type, PROPERTIES: JSON.stringify(properties) });
  }

  media(namespace: string, name: string, source: number): number {
    const properties = JSON.stringify({
      mode: 'SINGLE',
      name,
      namespace,
      source: { id: source, password: 'manager-knows' },
    });
    return this.#add('DATA_MEDIA', {
      NAME: name,
      NAMESPACE: namespace,
      PROPERTIES: properties,
      DATA_MEDIA_SOURCE_ID: source,
    });
  }

  canal(name: string, servers: readonly Server[], more: object = {}): string {
    const [master] = servers;
    const parameters = {
      connectionCharset: 'UTF-8',
      dbPassword: master!.password ?? 'manager-knows',
      dbUsername: master!.user ?? 'canal',
      detectingEnable: false,
      groupDbAddresses: servers.map(({ host, port }) => [{ dbAddress: { address: host, port }, type: 'MYSQL' }]),
      gtidEnable: false,
      haMode: 'HEARTBEAT',
      metaMode: 'MIXED',
      positions: [],
      slaveId: 10001,
      sourcingType: 'MYSQL',
      storageMode: 'MEMORY',
      zkClusterId: 1,
      ...more,
    };
    this.#add('CANAL', { NAME: name, DESCRIPTION: null, PARAMETERS: JSON.stringify(parameters) });
    return name;
  }

  channel(name: string, more: object = {}): number {
    const parameters = {
      enableRemedy: false,
      remedyAlgorithm: 'LOOPBACK',
      remedyDelayThresoldForMedia: 60,
      syncConsistency: 'BASE',
      syncMode: 'FIELD',
      ...more,
    };
    return this.#add('CHANNEL', { NAME: name, DESCRIPTION: null, PARAMETERS: JSON.stringify(parameters) });
  }

  pipeline(channel: number, name: string, canal: string, nodes: { s: number; l: number }, more: object = {}): number {
    const parameters = { ddlSync: true, destinationName: canal, dryRun: false, home: false, parallelism: 5, ...more };
    const id = this.#add('PIPELINE', {
      NAME: name,
      DESCRIPTION: null,
      PARAMETERS: JSON.stringify(parameters),
      CHANNEL_ID: channel,
    });
    for (const [LOCATION, NODE_ID] of [
      ['SELECT', nodes.s],
      ['EXTRACT', nodes.s],
      ['LOAD', nodes.l],
    ] as const)
      this.#add('PIPELINE_NODE_RELATION', { NODE_ID, PIPELINE_ID: id, LOCATION });
    return id;
  }

  pair(pipeline: number, source: number, target: number, more: PairMore = {}): number {
    const { weight = 5, mode = 'INCLUDE', columns = [], filter = null, resolver = null } = more;
    const id = this.#add('DATA_MEDIA_PAIR', {
      PULLWEIGHT: null,
      PUSHWEIGHT: weight,
      RESOLVER: resolver === null ? NO_EXTENSION : JSON.stringify(resolver),
      FILTER: filter === null ? NO_EXTENSION : JSON.stringify(filter),
      SOURCE_DATA_MEDIA_ID: source,
      TARGET_DATA_MEDIA_ID: target,
      PIPELINE_ID: pipeline,
      COLUMN_PAIR_MODE: mode,
    });
    for (const [SOURCE_COLUMN, TARGET_COLUMN] of columns)
      this.#add('COLUMN_PAIR', { SOURCE_COLUMN, TARGET_COLUMN, DATA_MEDIA_PAIR_ID: id });
    return id;
  }

  alarm(pipeline: number, monitor: string, match: string, more: AlarmMore = {}): number {
    const { status = 'ENABLE', receiver = 'otterteam', parameters = {} } = more;
    return this.#add('ALARM_RULE', {
      MONITOR_NAME: monitor,
      RECEIVER_KEY: receiver,
      STATUS: status,
      PIPELINE_ID: pipeline,
      DESCRIPTION: null,
      MATCH_VALUE: match,
      PARAMETERS: JSON.stringify({ autoRecovery: false, intervalTime: 1800, recoveryThresold: 2, ...parameters }),
    });
  }

  matrix(group: string, master: string, slave: string): void {
    this.#add('DATA_MATRIX', { GROUP_KEY: group, MASTER: master, SLAVE: slave, DESCRIPTION: null });
  }

  system(value: object): void {
    this.#add('SYSTEM_PARAMETER', { VALUE: JSON.stringify(value) });
  }

  /** A row as it should never be. */
  spoil(table: ManagerTable, column: string, text: string): void {
    this.#rows[table] = this.#rows[table].map((row) => ({ ...row, [column]: text }));
  }

  rows(): ManagerRows {
    return this.#rows;
  }

  /** The schema and what is in it. */
  sql(): string {
    const made = MANAGER_TABLES.map(
      (table) =>
        `CREATE TABLE ${table} (ID bigint NOT NULL PRIMARY KEY, ${COLUMNS[table]}, ${TIMES}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3`,
    );
    const filled = MANAGER_TABLES.flatMap((table) =>
      this.#rows[table].map((row) => {
        const values = Object.values(row).map((value) => (typeof value === 'string' ? quote(value) : String(value)));
        return `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${values.join(', ')})`;
      }),
    );
    return ['DROP DATABASE IF EXISTS otter4', 'CREATE DATABASE otter4', 'USE otter4', ...made, ...filled].join(';\n');
  }
}

export interface PairMore {
  readonly weight?: number;
  readonly mode?: 'INCLUDE' | 'EXCLUDE';
  readonly columns?: readonly (readonly [string, string])[];
  readonly filter?: object | null;
  readonly resolver?: object | null;
}

export interface AlarmMore {
  readonly status?: string;
  readonly receiver?: string;
  readonly parameters?: object;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** Two sites that both write, the first of which is home. */
export function twoWay(a: Server, b: Server, positions: readonly string[] = []): ManagerFixture {
  const manager = new ManagerFixture();
  const [hz, us] = [manager.cluster('hangzhou'), manager.cluster('california')];
  const [n1, n2] = [manager.node('node-hz', '127.0.0.1', hz), manager.node('node-us', '127.0.0.1', us)];
  const [sa, sb] = [manager.source('shop_hz', a), manager.source('shop_us', b)];
  const [ca, cb] = [manager.canal('canal-hz', [a], { positions }), manager.canal('canal-us', [b])];
  const channel = manager.channel('Shop', { enableRemedy: true, syncMode: 'ROW' });
  const there = manager.pipeline(channel, 'hz-us', ca, { s: n1, l: n2 }, { home: true });
  const back = manager.pipeline(channel, 'us-hz', cb, { s: n2, l: n1 }, { ddlSync: false, skipDdlException: true });
  for (const [table, renamed] of [
    ['orders', 'orders'],
    ['customer', 'client'],
    ['item[00-03]', 'item[00-03]'],
  ] as const) {
    const [ma, mb] = [manager.media('shop', table, sa), manager.media('shop', renamed, sb)];
    manager.pair(there, ma, mb);
    manager.pair(back, mb, ma);
  }
  const only = manager.media('shop', 'audit', sa);
  manager.pair(there, only, manager.media('shop', 'audit', sb));
  return manager;
}

/** One way into a warehouse: shards that merge, wildcards, column pairs, weights, and rows that go through code. */
export function merge(a: Server, b: Server): ManagerFixture {
  const manager = new ManagerFixture();
  const node = manager.node('etl', '127.0.0.1');
  const [sa, sb] = [manager.source('shop', a), manager.source('仓库', b)];
  const canal = manager.canal('canal-shop', [a]);
  const channel = manager.channel('数据仓库');
  const pipeline = manager.pipeline(
    channel,
    'to-dw',
    canal,
    { s: node, l: node },
    { ddlSync: false, skipLoadException: true },
  );
  const pair = (from: readonly [string, string], to: readonly [string, string], more: PairMore = {}): number =>
    manager.pair(pipeline, manager.media(...from, sa), manager.media(...to, sb), more);
  pair(['shop', 'item[0-3]'], ['dw', 'item'], { weight: 2 });
  pair(['shop', 'log_.*'], ['dw', '.*']);
  pair(['shop', 'customer'], ['dw', 'client'], {
    columns: [
      ['id', 'id'],
      ['name', 'full_name'],
    ],
    weight: 1,
  });
  pair(['shop', 'card'], ['dw', 'card'], { mode: 'EXCLUDE', columns: [['number', 'number']] });
  pair(['shop', 'orders'], ['dw', 'orders'], {
    filter: { extensionDataType: 'CLAZZ', clazzPath: 'com.shop.otter.OrderProcessor', notBlank: true },
  });
  return manager;
}

/** Three nodes: one pipeline each way and one to a third site, watched by alarm rules. */
export function watched(a: Server, b: Server, c: Server): ManagerFixture {
  const manager = new ManagerFixture();
  const nodes = ['n1', 'n2', 'n3'].map((name) => manager.node(name, '127.0.0.1'));
  const [n1, n2, n3] = nodes as [number, number, number];
  const sources = [manager.source('east', a), manager.source('west', b), manager.source('south', c)] as const;
  const media = sources.map((source) => manager.media('shop', 'orders', source)) as [number, number, number];
  const one = manager.channel('east-west', { syncConsistency: 'MEDIA' });
  const p1 = manager.pipeline(one, 'east', manager.canal('c-east', [a]), { s: n1, l: n2 });
  const p2 = manager.pipeline(one, 'west', manager.canal('c-west', [b]), { s: n2, l: n1 }, { ddlSync: false });
  manager.pair(p1, media[0], media[1]);
  manager.pair(p2, media[1], media[0]);
  const two = manager.channel('east-south');
  const p3 = manager.pipeline(two, 'south', manager.canal('c-east-2', [a]), { s: n1, l: n3 });
  manager.pair(p3, media[0], media[2]);
  manager.system({ alarmReceiveMap: { otterteam: 'ops@example.org,dba@example.org' }, systemSchema: 'retl' });
  manager.alarm(p1, 'DELAYTIME', '600@09:00-18:00,20:00-22:00');
  manager.alarm(p1, 'EXCEPTION', 'ERROR,EXCEPTION');
  manager.alarm(p2, 'POSITIONTIMEOUT', '600', { parameters: { autoRecovery: true, intervalTime: 600 } });
  manager.alarm(p3, 'PIPELINETIMEOUT', '300');
  manager.alarm(p3, 'DELAYTIME', '60', { status: 'PAUSED' });
  return manager;
}
