/** What is shipped for Kubernetes fits its schemas, and everything shipped for services fits the program. */
import { readFileSync } from 'node:fs';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { opsAddress } from '../../src/model/ops-address.ts';
import { loadTopology } from '../../src/topology/load.ts';

/** How long a node may take to end, in seconds: a site is left after ten. */
const GRACE_S = 30;

const KINDS = { Deployment, Job, Secret, Service } as const;
type Kind = keyof typeof KINDS;
type Manifest = Readonly<Record<string, unknown>> & { readonly kind: string };

const read = (path: string): string => readFileSync(path, 'utf8');
const kustomization = parse(read('ops/kubernetes/kustomization.yaml')) as {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[];
};
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(read(`ops/kubernetes/${file}`)).map((document) => document.toJS() as Manifest),
);
const { topology, diagnostics } = loadTopology('ops/kubernetes/topology.yaml');

function one<K extends Kind>(kind: K): InstanceType<(typeof KINDS)[K]> {
  const found = manifests.filter((each) => each.kind === kind);
  expect(found).toHaveLength(1);
  return new KINDS[kind](found[0] as never) as InstanceType<(typeof KINDS)[K]>;
}

test('every manifest is valid by the schema of its kind, and one with a slip is not', () => {
  expect(manifests.map(({ kind }) => kind).sort()).toEqual(['Deployment', 'Job', 'Secret', 'Service']);
  for (const kind of Object.keys(KINDS) as Kind[]) expect(() => one(kind).validate(), kind).not.toThrow();
  const slip = { ...manifests.find(({ kind }) => kind === 'Deployment')!, spec: { replicas: 'one' } };
  expect(() => new Deployment(slip as never).validate()).toThrow();
});

test('the node is one that the topology has, is asked where it answers, and is reached where its peers dial', () => {
  // The network of the cluster is its own, and the example has no certificates.
  expect(diagnostics.map(({ code }) => code)).toEqual(['OT1036']);
  const [name, spec] = Object.entries(topology!.node)[0]!;
  const deployment = one('Deployment');
  const pod = deployment.spec!.template.spec!;
  const [container] = pod.containers;
  expect(container!.args).toEqual(['node', name, '-t', topology!.name]);
  expect(pod.terminationGracePeriodSeconds).toBe(GRACE_S);
  expect(deployment.spec!.selector.matchLabels).toEqual(deployment.spec!.template.metadata!.labels);
  const http = container!.env!.find((each) => each.name === 'OTTER_HTTP')!.value!;
  expect(http).toBe(opsAddress(spec));
  const ports = Object.fromEntries(container!.ports!.map((port) => [port.name!, port.containerPort]));
  expect(ports).toEqual({ link: Number(spec.listen.split(':')[1]), http: Number(http.split(':')[1]) });
  expect(deployment.spec!.template.metadata!.annotations!['prometheus.io/port']).toBe(String(ports['http']));
  expect(container!.livenessProbe!.httpGet).toEqual({ path: '/healthz', port: 'http' });
  expect(container!.readinessProbe!.httpGet).toEqual({ path: '/readyz', port: 'http' });
  const service = one('Service');
  expect(service.spec!.selector).toEqual(deployment.spec!.selector.matchLabels);
  expect(spec.advertise).toBe(`${service.metadata!.name}:${service.spec!.ports![0]!.port}`);
  const mounted = container!.volumeMounts!.map(({ name: volume, mountPath }) => [volume, mountPath]);
  expect(mounted).toEqual(
    expect.arrayContaining([
      ['data', container!.env!.find((each) => each.name === 'OTTER_DATA')!.value],
      ['spill', container!.env!.find((each) => each.name === 'OTTER_SPILL_DIR')!.value],
    ]),
  );
});

test('what the topology refers to is in the secret, and the apply has its files', () => {
  const known = Object.keys(one('Secret').stringData!);
  expect(known).toContain('OTTER_STATE');
  for (const { password } of Object.values(topology!.database))
    expect(known).toContain((password as { env: string }).env);
  const job = one('Job').spec!.template.spec!;
  const [maps] = kustomization.configMapGenerator;
  expect(job.volumes![0]!.configMap!.name).toBe(maps!.name);
  expect(job.containers[0]!.args).toContain(job.containers[0]!.volumeMounts![0]!.mountPath);
  for (const file of maps!.files) expect(read(`ops/kubernetes/${file}`)).toContain('version: 1');
});

test('units, manifests and containers give a node the same time to end, and the page shows the unit as it is shipped', () => {
  const unit = read('ops/systemd/otter@.service');
  expect(unit).toContain(`TimeoutStopSec=${GRACE_S}\n`);
  expect(read('compose.yaml').match(/stop_grace_period: (\d+)s/g)).toEqual(
    ['hz-1', 'ca-1'].map(() => `stop_grace_period: ${GRACE_S}s`),
  );
  const settings = [...unit.matchAll(/\bEnvironment(?:File)?=-?(\S+)/g)].map(([, value]) => value!);
  const page = read('docs/service.md');
  for (const setting of settings) expect(page, setting).toContain(setting.split('=')[0]!.replace('%i', 'NODE'));
});
