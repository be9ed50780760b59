/** `otter verify files.X`: the trees of a file set compared, by the nodes that serve them. */
import { auditEntry } from '../executor/audit.ts';
import { checkFiles } from '../executor/files-check.ts';
import { OtterError } from '../model/error.ts';
import { endsOf } from '../model/files.ts';
import { type FilesCheckedRecord, leftOf } from '../model/files-check.ts';
import type { Topology } from '../model/topology.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { filesVerifyJson, renderFilesCheck } from '../render/files-check.ts';
import { loadTopology } from '../topology/load.ts';
import { authorOf } from './author.ts';
import { type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { appliedOf, type VerifyFlags } from './verify.ts';

/** Flags that are about rows. */
const OF_ROWS = ['table', 'resume', 'rate', 'limit'] as const;

/** @param address `files.X` */
export async function verifyFiles(context: Context, options: VerifyFlags, address: string): Promise<number> {
  const row = OF_ROWS.find((flag) => options[flag] !== undefined) ?? (options.extra === false ? 'no-extra' : null);
  if (row !== null)
    throw new OtterError('OT7001', `--${row} is for tables, and ${address} is a file set`, {
      hint: `otter verify ${address} --hash`,
    });
  const topology = topologyName(context, options, loadTopology);
  const { applied } = await appliedOf(context, options, topology);
  const { name: set, regions } = setOf(appliedTopology(applied), address);
  const author = authorOf(context, options, 'verify');
  const { parts, signal } = context;
  const id = parts.newId();
  const at = new Date(context.now()).toISOString();
  const asked = { hash: options.hash === true, repair: options.repair === true };
  const record = { ...asked, id, by: `${author.by}@${author.host}`, at };
  const audit = auditEntry(topology, author, context.now(), id);
  const json = options.json === true || options.format === 'json';
  const timeoutMs = options.timeout ?? null;
  const over = timeoutMs === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  let said = '';
  const progress = (told: ReadonlyMap<string, FilesCheckedRecord>): void => {
    const line = progressLine(regions, told);
    if (!json && context.stderr.isTTY === true && line !== said) context.stderr.write(`${line}\n`);
    said = line;
  };
  await using store = storeToRead(context, options);
  const check = { topology, set, regions, record, audit };
  const told = await checkFiles(store, check, progress, over).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!over.aborted) throw error;
    return null;
  });
  if (told === null) {
    context.stderr.write(`Error OT7020: files.${set} was not compared to its end in ${timeoutMs! / 1000} s: ${said}\n`);
    return EXIT.timeout;
  }
  const results = regions.map((region) => ({ region, ...told.get(region)! }));
  context.stdout.write(
    json
      ? `${JSON.stringify(filesVerifyJson(topology, set, results), null, 2)}\n`
      : renderFilesCheck(set, results, asked),
  );
  if (results.some(({ error }) => error !== null)) return EXIT.error;
  const equal = results.every(({ flows }) => Object.values(flows).every((flow) => leftOf(flow) === 0));
  return equal ? EXIT.done : EXIT.differences;
}

/** @throws OtterError OT7001 */
function setOf({ files }: Topology, address: string): { readonly name: string; readonly regions: readonly string[] } {
  const name = address.slice('files.'.length);
  const spec = Object.hasOwn(files, name) ? files[name] : undefined;
  if (spec !== undefined) return { name, regions: endsOf(spec).to };
  const names = Object.keys(files);
  throw new OtterError('OT7001', `no file set \`${address}\` is applied`, {
    hint: names.length === 0 ? 'There is none.' : `There are ${names.map((one) => `files.${one}`).join(', ')}.`,
  });
}

/** `california: 12,000 files; frankfurt: not begun`. */
function progressLine(regions: readonly string[], told: ReadonlyMap<string, FilesCheckedRecord>): string {
  return regions
    .map((region) => {
      const one = told.get(region);
      if (one === undefined) return `${region}: not begun`;
      const files = Object.values(one.flows).reduce((sum, flow) => sum + flow.files, 0);
      return `${region}: ${files.toLocaleString('en-US')} files${one.endedMs === null ? '' : ', done'}`;
    })
    .join('; ');
}
