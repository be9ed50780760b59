/** What a node would measure, made up, for tests of who tells it. */
import { type LoadMeasures, type NodeMeasures, OPERATIONS, type Operation } from '../../src/model/measures.ts';
import type { FileFlowFigures, PipelineFigures } from '../../src/model/records.ts';

export const NOW = 1_767_225_600_000;

export function figures(over: Partial<PipelineFigures> = {}): PipelineFigures {
  return {
    phase: 'streaming',
    observedGeneration: 3,
    lagMs: 1_250,
    position: 'mariadb:0-1-9',
    rowsApplied: 7,
    rowsPerSecond: 1,
    conflicts: 2,
    open: 0,
    deadLetters: 4,
    drift: 0,
    copy: null,
    error: null,
    waiting: null,
    ...over,
  };
}

export function flow(): FileFlowFigures {
  return {
    phase: 'copying',
    observedGeneration: 1,
    backlogFiles: 12,
    backlogBytes: 3_000,
    filesDone: 5,
    bytesDone: 1_000,
    bytesReceived: 800,
    bytesPerSecond: 10,
    conflicts: 1,
    refused: 2,
    failures: 0,
    missing: 3,
    error: { code: 'OT8001', message: 'the root is not there', hint: null },
    waiting: null,
  };
}

const none = Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;

export function load(over: Partial<LoadMeasures> = {}): LoadMeasures {
  return {
    rows: { ...none, insert: 5, update: 2 },
    bytes: { ...none, insert: 500, update: 400 },
    transactions: 3,
    windowRows: { bounds: [1, 10], counts: [1, 2, 0], sum: 7 },
    windowSeconds: { bounds: [0.01, 1], counts: [2, 0, 1], sum: 4.5 },
    prepareSeconds: 0.5,
    loadSeconds: 4.5,
    idleSeconds: 100,
    stallSeconds: 0,
    conflicts: { 'update/update local': 2 },
    lastWriteMs: NOW - 5_000,
    ...over,
  };
}

export function measured(over: Partial<NodeMeasures> = {}): NodeMeasures {
  return {
    topology: 'shop',
    node: 'ca-1',
    record: {
      instance: 'i',
      region: 'california',
      advertise: '127.0.0.1:7402',
      version: '0.1.0',
      startedMs: NOW - 60_000,
      pid: 1,
      host: 'h',
      databases: ['ca'],
      settledSerial: 4,
      rssBytes: 1,
      error: null,
      pipelines: { 'shop/hz>ca': figures() },
      updatedMs: NOW,
    },
    sites: {
      ca: {
        reader: { selectSeconds: 50, stallSeconds: 1.5, transactions: 12 },
        into: { 'shop/hz>ca': load() },
        out: { 'shop/ca>hz': { extractSeconds: 1, transformSeconds: 2, transferSeconds: 3, bytes: 4_000 } },
      },
    },
    verify: [],
    registered: true,
    linked: true,
    storeAwaySinceMs: null,
    ending: false,
    shown: (kind, kept) => (kind === 'database' && kept === 'hz' ? 'hangzhou' : kept),
    ...over,
  };
}
