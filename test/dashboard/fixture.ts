/**
 * A dashboard over a made-up, moving topology, to look at and for the tests in a real terminal:
 *
 *     node --import ./test/dashboard/tsx.mjs test/dashboard/fixture.ts [pair|star|many|500] [--ending crash|throw|end] [--signals]
 *
 * What SIGUSR2 does: `crash` throws where nobody catches, `throw` fails in the source, `end` ends the source. `--signals` handles
 * signals as the command line does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runDashboard } from '../../src/dashboard/run.ts';
import type { DashboardItem } from '../../src/dashboard/store.ts';
import type { StatusReport } from '../../src/model/status.ts';
import { pretendDesk } from './desk.ts';
import { channel, FIFTY, MANY, node, pipeline, report } from './reports.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ending: { type: 'string', default: 'end' },
    signals: { type: 'boolean' },
    ascii: { type: 'boolean' },
    once: { type: 'boolean' },
    write: { type: 'boolean' },
    open: { type: 'string' },
  },
});

const controller = new AbortController();
const startedMs = Date.now();

if (values.signals === true) {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());
}
let ending = false;
process.on('SIGUSR2', () => {
  if (values.ending === 'crash') throw new Error('planted crash');
  ending = true;
});

await runDashboard({
  source: reports(),
  desk: pretendDesk(values.write === true),
  open: values.open,
  stdout: process.stdout,
  stdin: process.stdin,
  env: process.env,
  now: Date.now,
  signal: controller.signal,
  ascii: values.ascii,
  once: values.once,
});
process.stdout.write('the dashboard has ended\n');
controller.abort();

async function* reports(): AsyncGenerator<DashboardItem> {
  const story = [
    'two servers are up',
    'copying 200,000 rows',
    'writers: 120 trx/s at each site',
    'killing node ca-1 (SIGKILL)',
    'node ca-1 is back',
  ];
  for (let tick = 0; !controller.signal.aborted; tick++) {
    if (ending && values.ending === 'throw') throw new Error('planted failure of the source');
    if (ending) return;
    if (tick % 20 === 0 && tick / 20 < story.length) yield { note: story[tick / 20]! };
    if (tick >= 140 && tick < 170) yield { away: 'etcd://127.0.0.1:2379 does not answer: connect ECONNREFUSED' };
    else yield moving(positionals[0] ?? 'pair', tick);
    await sleep(positionals[0] === '500' ? 1_000 : 250, undefined, { signal: controller.signal }).catch(
      () => undefined,
    );
  }
}

function moving(kind: string, tick: number): StatusReport {
  const at = { at: new Date().toISOString() };
  if (kind === 'many') return { ...FIFTY, ...at };
  if (kind === '500') return { ...MANY(tick), ...at };
  const wave = (period: number, low: number, high: number): number =>
    low + ((1 + Math.sin((tick / period) * 2 * Math.PI)) / 2) * (high - low);
  const killed = tick >= 60 && tick < 80;
  const copying = tick >= 4 && tick < 30;
  const started = new Date(startedMs).toISOString();
  const others = kind === 'star' ? ['fr', 'sg'] : [];
  const two = (there: string) => [
    pipeline(`shop/hz>${there}`, {
      phase: killed && there === 'ca' ? 'pending' : copying ? 'copying' : 'streaming',
      lag_ms: killed && there === 'ca' ? null : wave(30, 4, tick > 80 ? 80 : 1500),
      rows_per_second: killed && there === 'ca' ? 0 : wave(40, 100, 2400),
      rows_applied: tick * 300,
      waiting: killed && there === 'ca' ? 'node ca-1, which owns database ca' : null,
      node: killed && there === 'ca' ? null : `${there}-1`,
      copy: copying
        ? {
            tables_done: 1,
            tables_total: 5,
            rows_done: (tick - 4) * 7_700,
            rows_total: 200_000,
            eta_ms: (30 - tick) * 250,
          }
        : null,
    }),
    pipeline(`shop/${there}>hz`, {
      lag_ms: wave(25, 3, 300),
      rows_per_second: wave(33, 20, 400),
      conflicts: Math.floor(tick / 9),
      rows_applied: tick * 60,
      node: 'hz-1',
    }),
  ];
  return report({
    ...at,
    regions: [
      { name: 'hangzhou', databases: kind === 'star' ? ['hz', 'dw'] : ['hz'] },
      { name: 'california', databases: ['ca'] },
      ...(kind === 'star'
        ? [
            { name: 'frankfurt', databases: ['fr'] },
            { name: 'singapore', databases: ['sg', 'spare'] },
          ]
        : []),
    ],
    nodes: [
      node('hz-1', 'hangzhou', kind === 'star' ? ['hz', 'dw'] : ['hz'], { started, rss_bytes: 140e6 + tick * 1e4 }),
      node(
        'ca-1',
        'california',
        killed ? [] : ['ca'],
        killed ? { alive: false, rss_bytes: null, started: null, version: null } : { started },
      ),
      ...others.map((name) => node(`${name}-1`, name === 'fr' ? 'frankfurt' : 'singapore', [name], { started })),
    ],
    channels: [
      channel('shop', ['ca', ...others].flatMap(two)),
      ...(kind === 'star'
        ? [
            channel('warehouse', [
              pipeline('warehouse/hz>dw', {
                phase: 'failed',
                lag_ms: 340_000,
                node: 'hz-1',
                rows_per_second: 0,
                error: {
                  code: 'OT5021',
                  message:
                    'DW.ORDERS does not exist in database dw and was not created: ORA-01031: insufficient privileges',
                  hint: 'Create the table, or grant CREATE TABLE to OTTER',
                },
              }),
            ]),
          ]
        : []),
    ],
    applying: tick % 100 > 90 ? 'ana@laptop' : null,
  });
}
