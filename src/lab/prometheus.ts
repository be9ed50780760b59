/**
 * Prometheus, for the tests of what nodes serve and of the rules in `ops/`: found on the machine, or the distribution's package unpacked into the
 * cache, without installing it, since its package would start a service.
 */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OtterError } from '../model/error.ts';
import { findAll, type ProvideOptions } from './binaries.ts';
import { cached } from './cache.ts';
import { run } from './command.ts';
import { makePrivateFolder, removePrivateFolder } from './process.ts';
import { type Lifetime, PrivateServer } from './server.ts';

interface PrometheusPrograms {
  readonly prometheus: string;
  /** Checks rules and configurations. */
  readonly promtool: string;
}

/** @throws OtterError OT7101, OT7103 */
export async function providePrometheus(options: ProvideOptions = {}): Promise<PrometheusPrograms> {
  const [prometheus, promtool] = [findAll(['prometheus'])[0], findAll(['promtool'])[0]];
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  if (findAll(['apt-get']).length === 0 || findAll(['dpkg-deb']).length === 0)
    throw new OtterError('OT7101', 'prometheus and promtool were not found on PATH, and cannot be had from here', {
      hint: process.platform === 'darwin' ? 'type: brew install prometheus' : 'put them on PATH',
    });
  const root = await cached('prometheus', async (folder) => unpackInto(folder, options), options.signal);
  return { prometheus: join(root, 'usr/bin/prometheus'), promtool: join(root, 'usr/bin/promtool') };
}

async function unpackInto(folder: string, options: ProvideOptions): Promise<void> {
  options.say?.('getting prometheus from the distribution into the cache (once, about 20 MB; nothing is installed)');
  const told = { cwd: folder, signal: options.signal, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const download = ['-o', 'APT::Sandbox::User=root', 'download', '-qq', 'prometheus'];
  let got = await run('apt-get', download, told);
  if (got.code !== 0) {
    // The lists may be older than what the mirror has, or not be there.
    await run('apt-get', ['update', '-qq'], told);
    got = await run('apt-get', download, told);
  }
  options.signal?.throwIfAborted();
  const file = (await readdir(folder)).find((name) => name.endsWith('.deb'));
  const unpacked = file === undefined ? got : await run('dpkg-deb', ['-x', file, folder], told);
  if (file === undefined || unpacked.code !== 0)
    throw new OtterError(
      'OT7103',
      `prometheus could not be had:\n  ${unpacked.output.trim().split('\n').slice(-5).join('\n  ')}`,
      {
        hint: 'put prometheus and promtool on PATH',
      },
    );
  await rm(join(folder, file));
}

export interface PrometheusOptions extends ProvideOptions {
  /** The text of its configuration; `rules.yml` in it is the next. */
  readonly config: string;
  readonly rules: string;
}

/** With its data in a folder that vanishes. @throws OtterError OT7101, OT7102, OT7103 */
export async function startPrometheus(options: PrometheusOptions): Promise<Lifetime> {
  const { prometheus } = await providePrometheus(options);
  const folder = await makePrivateFolder();
  try {
    await writeFile(join(folder, 'prometheus.yml'), options.config);
    await writeFile(join(folder, 'rules.yml'), options.rules);
    const server = new PrivateServer({
      ...{ what: 'Prometheus', folder, keepsData: false, args: [] },
      command: (port) => ({
        command: prometheus,
        args: [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=127.0.0.1:${port}`,
          '--log.level=warn',
        ],
      }),
      answers: async (port) =>
        fetch(`http://127.0.0.1:${port}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
    });
    await server.start(options.signal);
    return server;
  } catch (error) {
    await removePrivateFolder(folder);
    throw error;
  }
}
