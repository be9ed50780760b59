/** What is measured of a node itself, and of the logs that it reads. */
import type { NodeMeasures, ReaderMeasures } from '../model/measures.ts';
import { whyNotReady } from './health.ts';
import type { MetricSpec, Sample } from './metric-spec.ts';

function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

export const byNode: readonly MetricSpec[] = [
  {
    name: 'otter_node_info',
    type: 'gauge',
    help: 'Always 1; its labels say which version of otter runs where.',
    labels: ['version', 'region', 'host'],
    read: ({ record: { version, region, host } }) => [{ labels: { version, region, host }, value: 1 }],
  },
  {
    name: 'otter_node_start_time_seconds',
    type: 'gauge',
    help: 'When the node began, in seconds since 1970.',
    labels: [],
    read: ({ record }) => one(record.startedMs / 1000),
  },
  {
    name: 'otter_node_ready',
    type: 'gauge',
    help: '1 while the node can own databases and is reached by its peers, as /readyz says; else 0.',
    labels: [],
    read: (node) => one(whyNotReady(node) === null ? 1 : 0),
  },
  {
    name: 'otter_node_serial',
    type: 'gauge',
    help: 'The newest serial of the topology of which nothing is left to be done at this node; 0 before the first.',
    labels: [],
    read: ({ record }) => one(record.settledSerial ?? 0),
  },
  {
    name: 'otter_state_store_up',
    type: 'gauge',
    help: '1 while the state store answers this node; else 0. Rows go on without it.',
    labels: [],
    read: ({ storeAwaySinceMs }) => one(storeAwaySinceMs === null ? 1 : 0),
  },
  {
    name: 'otter_state_store_away_seconds',
    type: 'gauge',
    help: 'For how long the state store has not answered this node; 0 while it does.',
    labels: [],
    read: ({ storeAwaySinceMs, record }) =>
      one(storeAwaySinceMs === null ? 0 : Math.max(0, record.updatedMs - storeAwaySinceMs) / 1000),
  },
  {
    name: 'otter_database_owned',
    type: 'gauge',
    help: '1 for each database that this node owns.',
    labels: ['database'],
    read: ({ record, shown }) =>
      record.databases.map((database) => ({ labels: { database: shown('database', database) }, value: 1 })),
  },
];

function ofLogs(node: NodeMeasures, value: (reader: ReaderMeasures) => number): readonly Sample[] {
  return Object.entries(node.sites).map(([database, { reader }]) => ({
    labels: { database: node.shown('database', database) },
    value: value(reader),
  }));
}

export const byLog: readonly MetricSpec[] = [
  {
    name: 'otter_reader_select_seconds_total',
    type: 'counter',
    help: "Time that the reader of the database's log spent in waiting for the log and decoding it: the stage select. Where it grows by a second a second the log has nothing more, or the server or the network is slow.",
    labels: ['database'],
    read: (node) => ofLogs(node, ({ selectSeconds }) => selectSeconds),
  },
  {
    name: 'otter_reader_stall_seconds_total',
    type: 'counter',
    help: 'Time that the reader was held back because a pipeline had no room for more: its target, or the line to it, is slower than the log.',
    labels: ['database'],
    read: (node) => ofLogs(node, ({ stallSeconds }) => stallSeconds),
  },
  {
    name: 'otter_reader_transactions_total',
    type: 'counter',
    help: "Transactions of the log that were handed on, otter's own included.",
    labels: ['database'],
    read: (node) => ofLogs(node, ({ transactions }) => transactions),
  },
];
