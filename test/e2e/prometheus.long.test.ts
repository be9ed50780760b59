/** A real Prometheus reads real nodes: its rules are accepted, fire when something is wrong and end when it is over, and every panel has an answer. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/lab/command.ts';
import { freePort } from '../../src/lab/free-port.ts';
import { providePrometheus, startPrometheus } from '../../src/lab/prometheus.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { pair } from '../site/harness.ts';
import { connect, Otter, passwordsOf, sitesOf, streaming } from './otter.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a, b].map((server) => server[Symbol.asyncDispose]()));
});

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[] };
}

test('promtool accepts the rules and the configuration that are shipped', async () => {
  const { promtool } = await providePrometheus();
  const checked = await run(promtool, ['check', 'config', 'ops/prometheus/prometheus.yml']);
  expect(checked.output).toContain('SUCCESS');
  expect(checked.code).toBe(0);
});

test('it scrapes nodes, its rules fire and end, and every panel is answered', async () => {
  const da = await connect(a);
  await da.query('CREATE DATABASE scraped; CREATE TABLE scraped.t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)');
  await using otter = await Otter.in({ ...passwordsOf([a, b]), OTTER_HTTP: '' });
  const ports = { west: await freePort(), east: await freePort() };
  const yaml = (await sitesOf([a, b], '  shop: { between: [a, b], tables: [scraped.t] }\n'))
    .replace(/^ {2}\w+-2:.*\n/gm, '')
    .replace(
      /((west|east)-1: .*?) }/g,
      (_, head: string, region: 'west' | 'east') => `${head}, http: "127.0.0.1:${ports[region]}" }`,
    );
  await otter.write(yaml);
  for (const name of ['west-1', 'east-1']) otter.node(name);
  expect(await otter.run('apply', '--auto-approve', '--timeout', '120s')).toMatchObject({ code: 0 });
  await otter.until('it streams', streaming);

  const shipped = await readFile('ops/prometheus/rules.yml', 'utf8');
  const targets = Object.values(ports).map((port) => `"127.0.0.1:${port}"`);
  const config = (await readFile('ops/prometheus/prometheus.yml', 'utf8'))
    .replaceAll('15s', '1s')
    .replace(/targets: \[.*\]/, `targets: [${targets.join(', ')}]`);
  // Nobody waits for minutes here.
  const rules = shipped.replaceAll(/for: \d+m/g, 'for: 1s');
  await using prometheus = await startPrometheus({ config, rules });
  const ask = async (path: string): Promise<Answer> =>
    (await (await fetch(`http://127.0.0.1:${prometheus.port}/api/v1/${path}`)).json()) as Answer;
  const query = async (expr: string): Promise<Answer['data']['result']> => {
    const answer = await ask(`query?query=${encodeURIComponent(expr)}`);
    expect(answer.status, `${expr}: ${answer.error ?? ''}`).toBe('success');
    return answer.data.result;
  };
  const firing = async (): Promise<string[]> =>
    (await query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric['alertname']!).sort();
  const waits = { timeout: 90_000, interval: 500 };

  await expect.poll(async () => (await query('up{job="otter"} == 1')).length, waits).toBe(2);
  const info = await query('otter_node_info');
  expect(info.map(({ metric }) => metric['node']).sort()).toEqual(['east-1', 'west-1']);
  for (let n = 0; n < 20; n += 1) await da.query('INSERT INTO scraped.t (n) VALUES (?)', [n]);
  await expect
    .poll(async () => query('otter_pipeline_rows_total{pipeline="shop/a>b",operation="insert"} >= 20'), waits)
    .toHaveLength(1);
  await expect.poll(firing, waits).toEqual([]);

  const board = JSON.parse(await readFile('ops/grafana/otter.json', 'utf8')) as {
    readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const silent: string[] = [];
  for (const { title, targets: exprs = [] } of board.panels) {
    for (const { expr } of exprs) {
      const filled = expr
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('$topology', '.*')
        .replaceAll('$channel', '.*');
      if ((await query(filled)).length === 0) silent.push(title);
    }
  }
  // Nothing is copied now, nobody has met a conflict, and neither files nor comparisons are declared.
  expect([...new Set(silent)].sort()).toEqual([
    ...['Conflicts a second', 'Copy', 'Copy: time to go'],
    ...['Files to bring', 'Files: bytes a second', 'Rows that differ'],
  ]);

  // A database that is away is an error of the pipelines into it, and of no node.
  await b.kill();
  await expect.poll(firing, waits).toContain('OtterPipelineError');
  expect(await firing()).not.toContain('OtterNodeDown');
  await b.restart();
  await expect.poll(firing, waits).toEqual([]);

  // A node that is gone.
  await otter.end('east-1', 'SIGKILL');
  await expect.poll(firing, waits).toContain('OtterNodeDown');
  otter.node('east-1');
  await expect.poll(firing, waits).toEqual([]);
  da.destroy();
});
