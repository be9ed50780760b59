/** Configurations of an Otter 4 manager as topologies: what is written is valid, does the same, and says what does not. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryOf } from '../../src/import/otter4/media.ts';
import { pointsOf, positionNote, readCursors } from '../../src/import/otter4/positions.ts';
import { readManager } from '../../src/import/otter4/read-manager.ts';
import { serversOf } from '../../src/import/otter4/servers.ts';
import { draftOf } from '../../src/import/otter4/topology.ts';
import { settle } from '../../src/import/settle.ts';
import { MANAGER_TABLES, type ManagerRows } from '../../src/model/importing.ts';
import { mapName } from '../../src/model/table-mapping.ts';
import { matches } from '../../src/model/table-pattern.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { oddText } from './odd-text.ts';
import { ManagerFixture, merge, twoWay, watched } from './otter4-manager.ts';

const A = { host: '10.0.0.1', port: 3306 };
const B = { host: '10.0.0.2', port: 3306 };
const C = { host: '10.0.0.3', port: 3306 };

function imported(rows: ManagerRows) {
  const manager = readManager(rows);
  const draft = draftOf(manager, serversOf(manager), { name: 'shop', families: new Map(), positions: new Map() });
  const { written } = settle(draft, (text) => {
    const { diagnostics, unbuilt } = loadTexts([{ path: 'x.yaml', text }]);
    return [...diagnostics, ...unbuilt].flatMap(({ severity, code, summary, range }) =>
      severity === 'error' ? [{ code, line: range?.line ?? 1, text: summary }] : [],
    );
  });
  const loaded = loadTexts([{ path: 'x.yaml', text: written.text }]);
  expect(loaded.topology, `${written.text}\n${JSON.stringify(loaded.diagnostics, null, 1)}`).not.toBeNull();
  expect(loaded.unbuilt.filter(({ severity }) => severity === 'error')).toEqual([]);
  return { text: written.text, topology: loaded.topology! };
}

describe('whole configurations', () => {
  test('two sites that both write, one of them home', () => {
    const { text, topology } = imported(twoWay(A, B).rows());
    expect(Object.keys(topology.channel)).toEqual(['shop', 'shop-shop_hz-shop_us']);
    const shop = topology.channel['shop']!;
    expect(shop.direction).toEqual({ kind: 'two-way', between: ['shop_hz', 'shop_us'] });
    expect(shop).toMatchObject({
      enabled: false,
      initial: 'none',
      ddl: 'replicate',
      conflict: { policy: 'site-priority', priority: ['shop_hz', 'shop_us'] },
    });
    expect(shop.tables.map(({ from, to }) => [from, to])).toEqual([
      ['shop.orders', null],
      ['shop.customer', 'shop.client'],
      ['shop.item[00-03]', null],
    ]);
    // Without a way back.
    expect(topology.channel['shop-shop_hz-shop_us']).toMatchObject({
      direction: { kind: 'one-way', from: ['shop_hz'], to: ['shop_us'] },
    });
    expect(Object.keys(topology.region)).toEqual(['hangzhou', 'california']);
    expect(topology.node['node-hz']).toMatchObject({ region: 'hangzhou', listen: '127.0.0.1:7401' });
    expect(topology.node['node-us']).toMatchObject({ region: 'california', listen: '127.0.0.1:7402' });
    expect(text).toContain('skipDdlException');
    expect(text).not.toContain('manager-knows');
  });

  test('shards, wildcards, column pairs, weights, and code', () => {
    const { text, topology } = imported(merge(A, B).rows());
    const [name] = Object.keys(topology.channel);
    expect(name).toBe('channel-1');
    const { tables, ddl } = topology.channel[name!]!;
    expect(ddl).toBe('ignore');
    const said = tables.map(({ from, to, columns, order }) => ({ from, to, order, ...columns }));
    const all = { only: null, omit: [], rename: {} };
    expect(said).toEqual([
      {
        from: 'shop.customer',
        to: 'dw.client',
        order: 1,
        only: ['id', 'name'],
        omit: [],
        rename: { name: 'full_name' },
      },
      { from: 'shop.card', to: 'dw.card', order: 5, ...all, omit: ['number'] },
      { from: 'shop.item[0-3]', to: 'dw.item', order: 2, ...all },
      { from: 'shop.log_*', to: 'dw.log_*', order: 5, ...all },
    ]);
    expect(text).toContain('com.shop.otter.OrderProcessor');
    expect(text).toMatch(/# - \{ from: shop\.orders.*process: "?\.\/processors\/orderprocessor\.mjs/);
    expect(text).toContain('skipLoadException');
  });

  test('alarm rules, receivers, re-reading, a server that two channels read', () => {
    const { text, topology } = imported(watched(A, B, C).rows());
    expect(Object.keys(topology.channel)).toEqual(['east-west', 'east-south']);
    expect(topology.alert).toEqual({
      'east-west-lag': {
        channel: 'east-west',
        when: 'lag > 600s',
        between: ['09:00-18:00', '20:00-22:00'],
        repeat: '1800s',
        notify: ['otterteam'],
        for: '0s',
      },
      'east-west-failed': {
        channel: 'east-west',
        when: 'phase = failed',
        repeat: '1800s',
        notify: ['otterteam'],
        for: '0s',
      },
      'east-south-quiet': {
        channel: 'east-south',
        when: 'quiet > 300s',
        repeat: '1800s',
        notify: ['otterteam'],
        for: '0s',
      },
      'east-west-stuck': {
        channel: 'east-west',
        when: 'idle > 600s',
        repeat: '600s',
        notify: ['otterteam'],
        do: 'restart',
        for: '0s',
      },
    });
    expect(topology.notify).toEqual({ otterteam: { email: { to: ['ops@example.org', 'dba@example.org'] } } });
    expect(text).toContain('PIPELINETIMEOUT');
    expect(text).toContain('1 alarm rule that was off is left out');
    expect(text).toContain('MEDIA');
    expect(Object.keys(topology.database)).toEqual(['east', 'west', 'south']);
  });
});

describe('what has no equal is left out with the reason, never carried in another way', () => {
  const one = (
    fill: (manager: ManagerFixture, ids: { pipeline: number; a: number; b: number; node: number }) => void,
    more: { pipeline?: object; canal?: object; channel?: object } = {},
  ) => {
    const manager = new ManagerFixture();
    const node = manager.node('n', '127.0.0.1');
    const [a, b] = [manager.source('a', A), manager.source('b', B)];
    const channel = manager.channel('c', more.channel);
    const pipeline = manager.pipeline(
      channel,
      'p',
      manager.canal('k', [A], more.canal),
      { s: node, l: node },
      more.pipeline,
    );
    fill(manager, { pipeline, a, b, node });
    return imported(manager.rows());
  };

  test('a table that goes to two tables has two channels', () => {
    const { topology } = one((m, { pipeline, a, b }) => {
      const orders = m.media('shop', 'orders', a);
      m.pair(pipeline, orders, m.media('dw', 'orders', b));
      m.pair(pipeline, orders, m.media('dw', 'orders_copy', b));
    });
    expect(Object.values(topology.channel).map(({ tables }) => tables[0]!.to)).toEqual(['dw.orders', 'dw.orders_copy']);
  });

  test('a black filter', () => {
    const { text, topology } = one(
      (m, { pipeline, a, b }) => {
        m.pair(pipeline, m.media('shop', '.*', a), m.media('shop', '.*', b));
        m.pair(pipeline, m.media('shop', 'orders', a), m.media('shop', 'orders', b));
        m.pair(pipeline, m.media('shop', 'tmp_x', a), m.media('shop', 'tmp_x', b));
      },
      { canal: { blackFilter: 'shop\\.tmp_.*' } },
    );
    expect(topology.channel['c']!.tables.map(({ from }) => from)).toEqual(['shop.orders']);
    expect(text).toContain('# - shop.*');
    expect(text).toContain('# - shop.tmp_x');
  });

  test('a dry run stays one; a mark that nobody carries on is told', () => {
    const { text, topology } = one(
      (m, { pipeline, a, b }) => m.pair(pipeline, m.media('shop', 'orders', a), m.media('shop', 'orders', b)),
      { pipeline: { dryRun: true, channelInfo: 'BI_SYNC' } },
    );
    expect(topology.channel['c']).toMatchObject({ dryRun: true, ddl: 'stop' });
    expect(text).toContain('BI_SYNC');
  });

  test('an Oracle is a target, and no source', () => {
    const manager = new ManagerFixture();
    const node = manager.node('n', '127.0.0.1');
    const [a, o] = [manager.source('a', A), manager.source('ora', 'jdbc:oracle:thin:@10.0.0.7:1521:ORCL', 'ORACLE')];
    const pipeline = manager.pipeline(manager.channel('out'), 'p', manager.canal('k', [A]), { s: node, l: node });
    manager.pair(pipeline, manager.media('shop', 'orders', a), manager.media('DW', 'ORDERS', o));
    const back = manager.pipeline(manager.channel('in'), 'q', manager.canal('k2', [A]), { s: node, l: node });
    manager.pair(back, manager.media('DW', 'ORDERS', o), manager.media('shop', 'orders_back', a));
    const { text, topology } = imported(manager.rows());
    expect(topology.database['ora']).toMatchObject({ engine: 'oracle', endpoints: ['10.0.0.7:1521/ORCL'] });
    expect(Object.keys(topology.channel)).toEqual(['out']);
    expect(topology.channel['out']!.ddl).toBe('stop');
    expect(text).toMatch(/left out, channel in: .*Oracle/);
  });

  test('two data sources of one server are one database, standbys are endpoints, groups of a matrix too', () => {
    const manager = new ManagerFixture();
    manager.matrix('g', '10.0.0.8:3306', '10.0.0.9:3306');
    const node = manager.node('n', '127.0.0.1');
    const [a, again, g] = [
      manager.source('a', A),
      manager.source('a2', A),
      manager.source('g', 'jdbc:mysql://groupKey=g'),
    ];
    manager.source('mq', 'x', 'MQ');
    const pipeline = manager.pipeline(manager.channel('c'), 'p', manager.canal('k', [A, B]), { s: node, l: node });
    manager.pair(pipeline, manager.media('shop', 'orders', a), manager.media('shop', 'orders', g));
    manager.pair(pipeline, manager.media('shop', 'items', again), manager.media('shop', 'items', g));
    const { text, topology } = imported(manager.rows());
    expect(topology.database['a']!.endpoints).toEqual(['10.0.0.1:3306', '10.0.0.2:3306']);
    expect(topology.database['g']!.endpoints).toEqual(['10.0.0.8:3306', '10.0.0.9:3306']);
    expect(topology.channel['c']!.tables).toHaveLength(2);
    expect(text).toContain('Data source mq is left out');
    // Nor is a database, or the standby of one, the standby of another.
    manager.matrix('h', '10.0.0.7:3306', '10.0.0.2:3306');
    manager.source('h', 'jdbc:mysql://groupKey=h');
    manager.canal('k3', [{ host: '10.0.0.8', port: 3306 }, A, B]);
    const more = imported(manager.rows()).topology;
    const endpoints = Object.values(more.database).flatMap((one) => one.endpoints);
    expect(new Set(endpoints).size).toBe(endpoints.length);
  });

  test('pairs whose two ways differ', () => {
    const manager = new ManagerFixture();
    const node = manager.node('n', '127.0.0.1');
    const [a, b] = [manager.source('a', A), manager.source('b', B)];
    const channel = manager.channel('c');
    const there = manager.pipeline(channel, 'p', manager.canal('k', [A]), { s: node, l: node });
    const back = manager.pipeline(channel, 'q', manager.canal('k2', [B]), { s: node, l: node });
    const [ma, mb] = [manager.media('s', 't', a), manager.media('s', 't', b)];
    manager.pair(there, ma, mb, {
      columns: [
        ['id', 'id'],
        ['n', 'm'],
      ],
    });
    manager.pair(back, mb, ma, {
      columns: [
        ['id', 'id'],
        ['m', 'n'],
      ],
    });
    const [oa, ob] = [manager.media('s', 'o', a), manager.media('s', 'o', b)];
    manager.pair(there, oa, ob, { mode: 'EXCLUDE', columns: [['x', 'x']] });
    manager.pair(back, ob, oa);
    const { text, topology } = imported(manager.rows());
    expect(topology.channel['c']!.tables).toMatchObject([
      { from: 's.t', columns: { only: ['id', 'n'], rename: { n: 'm' } } },
    ]);
    expect(text).toContain('carry different columns');
  });
});

describe('names', () => {
  const cases: readonly (readonly [string, string, string, string, string, string | null])[] = [
    ['shop', 'orders', 'shop', 'orders', 'shop.orders', null],
    ['shop', 'orders', 'dw', 'o', 'shop.orders', 'dw.o'],
    ['shop', 'item[01-32]', 'shop', 'item[01-32]', 'shop.item[01-32]', null],
    // Ends of other lengths have no zeros.
    ['shop', 'item[00-5]', 'dw', 'item', 'shop.item[0-5]', 'dw.item'],
    ['shop[0-1]', 't', 'dw', 't', 'shop[0-1].t', 'dw.t'],
    ['shop', '.*', 'shop', '.*', 'shop.*', null],
    ['shop', '(.*)', 'dw', '(.*)', 'shop.*', 'dw.*'],
    ['shop', 'log_.+', 'dw', '.*', 'shop.log_?*', 'dw.log_?*'],
    ['shop', 'a.c', 'shop', 'a.c', 'shop.a?c', null],
    ['shop', 'log_\\d+', 'shop', 'log_\\d+', 'shop./(?i:log_\\d+)/', null],
    ['shop', 'log_\\d+', 'dw', '.*', 'shop./(?i:log_\\d+)/', 'dw.*'],
    ['s\\d', 't', '.*', '.*', '/(?i:(?:s\\d)\\.(?:t))/', null],
    ['my-db', 'a b', 'my-db', 'a b', 'my-db.`a b`', null],
  ];
  test.each(cases)('%s.%s to %s.%s', (ns, name, ns2, name2, from, to) => {
    expect(entryOf({ namespace: ns, name }, { namespace: ns2, name: name2 })).toEqual({ from, to });
  });

  test('an entry means the tables that Otter 4 meant', () => {
    const meant = (pattern: string, text: string): boolean => new RegExp(`^(?:${pattern})$`, 'i').test(text);
    const regex = fc.array(fc.constantFrom('a', 'b', '_', '.', '.*', '(.*)', '.+', '\\d', '[ab]', 'a?', '(a|b)'), {
      minLength: 1,
      maxLength: 5,
    });
    const name = fc.stringMatching(/^[ab_0-9]{1,6}$/);
    fc.assert(
      fc.property(regex, name, name, (parts, table, schema) => {
        const written = parts.join('');
        const entry = entryOf({ namespace: schema, name: written }, { namespace: schema, name: '.*' });
        if ('problem' in entry) return;
        const isRegex = /[*?+|(){}[\]\\$^.]/.test(written);
        const expected = isRegex ? meant(written, table) : written === table;
        expect(matches(entry.from, schema, table), `${written} as ${entry.from}, ${table}`).toBe(expected);
        if (expected) {
          const { from, to } = entry;
          const there = mapName({ from, to }, schema, table);
          expect(there).toEqual({ schema, table });
        }
      }),
      { numRuns: 600 },
    );
  });
});

describe('positions', () => {
  const CURSOR = `[zk: localhost:2181(CONNECTED) 0] get /otter/canal/destinations/canal-hz/1001/cursor
{"@type":"com.alibaba.otter.canal.protocol.position.LogPosition","identity":{"slaveId":-1,"sourceAddress":{"address":"10.0.0.1","port":3306}},"postion":{"gtid":"","included":false,"journalName":"mysql-bin.000007","position":4711,"serverId":1,"timestamp":1586774167000}}
cZxid = 0x10
get /otter/canal/destinations/canal-us/1001/cursor
Node does not exist`;

  test('the cursor of ZooKeeper counts before the start of the canal', () => {
    const cursors = readCursors(CURSOR);
    expect([...cursors.keys()]).toEqual(['canal-hz/1001']);
    const start = JSON.stringify({ journalName: 'mysql-bin.000001', position: 4, timestamp: 0 });
    const manager = readManager(twoWay(A, B, [start]).rows());
    const [begun] = pointsOf(manager, new Map());
    expect(begun).toMatchObject({ from: 'start', position: { file: 'mysql-bin.000001', offset: 4 }, address: A });
    const [stands, ...others] = pointsOf(manager, cursors);
    expect(others).toEqual([]);
    expect(stands).toMatchObject({
      pipeline: 1,
      from: 'cursor',
      position: { file: 'mysql-bin.000007', offset: 4711, gtid: null },
    });
    const note = positionNote(
      { point: stands!, gtids: 'mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5', problem: null },
      'hz-us',
      'shop/hz:us',
    );
    expect(note).toBe(
      'Pipeline hz-us: the canal canal-hz stood at mysql-bin.000007:4711; its server says that this is mysql:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5. To begin there, before it is enabled: otter position set shop/hz:us --to 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5',
    );
    expect(JSON.stringify(stands)).not.toContain('manager-knows');
  });
});

test('whatever stands in the tables, a valid topology comes out, and nothing of it becomes structure', () => {
  const odd = fc.oneof(
    fc.constantFrom(
      '',
      '{}',
      '[]',
      'null',
      '{"url":5}',
      'x\ny: 1',
      '# ${var.x} "',
      '\u2028- a',
      '*.[',
      'a[5-1]',
      '(',
      '${var.no}',
      'true',
    ),
    oddText(12),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...MANAGER_TABLES),
      fc.constantFrom(
        'NAME',
        'NAMESPACE',
        'PARAMETERS',
        'PROPERTIES',
        'DESCRIPTION',
        'IP',
        'FILTER',
        'SOURCE_COLUMN',
        'MATCH_VALUE',
        'VALUE',
        'TYPE',
      ),
      odd,
      fc.constantFrom(
        () => twoWay(A, B),
        () => merge(A, B),
        () => watched(A, B, C),
      ),
      (table, column, text, make) => {
        const manager = make();
        manager.spoil(table, column, text);
        imported(manager.rows());
      },
    ),
    { numRuns: 50 },
  );
});
