/**
 * The rows of an Otter 4 manager's database as objects: what its JSON columns hold, with its defaults filled in.
 *
 * Rule: any rows give a manager; what is not understood is a problem in words, never an exception. Source: otter-manager-schema.sql
 * and the classes that its columns are the JSON of.
 */
import type { ManagerRow, ManagerRows, ManagerTable } from '../../model/importing.ts';
import type { Alarm, Canal, Channel, Extension, Manager, ManagerNode, Pipeline, SystemParameters } from './manager.ts';
import { address, type Fields, fields, id, list, positionOf, text } from './manager-values.ts';

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
