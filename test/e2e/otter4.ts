/** From an Otter 4 manager's database to rows that flow: import, validate, apply, the switch. Otter 4 itself does not run here. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { ManagerFixture, Server } from '../import/otter4-manager.ts';
import { connect, Otter, rows, streaming } from './otter.ts';

export interface Configuration {
  readonly manager: (servers: readonly Server[]) => ManagerFixture;
  /** Names of the databases that it makes of the servers. */
  readonly databases: readonly string[];
  /** On each server, before. */
  readonly tables: readonly string[];
  /** Files beside the topology, and what is made of its text by a person. */
  readonly files?: Readonly<Record<string, string>>;
  readonly mend?: (yaml: string) => string;
  /** Writes, and what is at which server then. */
  readonly writes: readonly { readonly at: number; readonly sql: string }[];
  readonly arrives: readonly { readonly at: number; readonly sql: string; readonly rows: readonly string[] }[];
}

export async function fromOtter4(servers: readonly DatabaseServer[], configuration: Configuration): Promise<string> {
  const { databases, tables, files = {}, mend = (yaml) => yaml, writes, arrives } = configuration;
  const roots = await Promise.all(servers.map(connect));
  try {
    for (const [i, root] of roots.entries())
      await root.query(`DROP DATABASE IF EXISTS shop; DROP DATABASE IF EXISTS dw; ${tables[i]!}`);
    const known = servers.map(({ host, port, otter }) => ({ host, port, ...otter }));
    await roots[0]!.query(configuration.manager(known).sql());
    const passwords = databases.map((name, i) => [
      `${name.toUpperCase().replaceAll('-', '_')}_PASSWORD`,
      servers[i]!.otter.password,
    ]);
    const [{ host, port, root }] = servers as [DatabaseServer];
    await using otter = await Otter.in({ ...Object.fromEntries(passwords), OTTER4_PASSWORD: root.password });
    const file = join(otter.folder, 'topologies', 'main.yaml');
    const address = `mysql://${root.user}@${host}:${port}/otter4`;
    const imported = await otter.run('import', '--otter4', address, '--out', 'topologies/main.yaml', '--name', 'main');
    expect(imported, imported.err).toMatchObject({ code: 0, out: '' });
    const written = await readFile(file, 'utf8');
    for (const { otter: account } of servers) expect(written).not.toContain(account.password);

    await mkdir(join(otter.folder, 'topologies', 'processors'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(otter.folder, 'topologies', name), text);
    let yaml = mend(written);
    for (const [, used] of written.matchAll(/listen: "127\.0\.0\.1:(\d+)"/g))
      yaml = yaml.replace(`:${used}"`, `:${await freePort()}"`);
    await otter.write(yaml);
    const valid = await otter.run('validate');
    expect(valid, valid.out).toMatchObject({ code: 0 });
    expect(await otter.run('apply', '--auto-approve', '--no-wait')).toMatchObject({ code: 0 });
    const unchanged = await otter.run('plan', '--detailed-exitcode');
    expect(unchanged, unchanged.out).toMatchObject({ code: 0 });
    expect(unchanged.out).toContain('No changes');

    for (const [, name] of yaml.matchAll(/^ {2}([a-z0-9-]+): \{ region/gm)) otter.node(name!);
    await otter.write(yaml.replaceAll('enabled: false', 'enabled: true'));
    const live = await otter.run('validate', '--live');
    expect(live, live.out).toMatchObject({ code: 0 });
    const begun = await otter.run('apply', '--auto-approve', '--timeout', '60s');
    expect(begun, begun.err).toMatchObject({ code: 0 });
    await otter.until('everything streams', streaming);
    for (const { at, sql } of writes) await roots[at]!.query(sql);
    for (const { at, sql, rows: wanted } of arrives)
      await expect.poll(() => rows(roots[at]!, sql), { timeout: 30_000 }).toEqual(wanted);
    return written;
  } finally {
    for (const root of roots) await end(root);
  }
}

async function end(root: Connection): Promise<void> {
  await root.query('DROP DATABASE IF EXISTS otter4; DROP DATABASE IF EXISTS otter');
  await root.end();
}
