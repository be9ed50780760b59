/** `otter history` and `otter show N`: what was applied, when and by whom. */
import { readHistory } from '../executor/snapshot.ts';
import { OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, EXIT, storeToRead, topologyName } from './context.ts';

export async function history(context: Context, options: CommonOptions): Promise<number> {
  const records = await applied(context, options);
  if (options.json === true) context.stdout.write(`${JSON.stringify(records, null, 2)}\n`);
  else {
    for (const { serial, at, by, summary } of records) {
      context.stdout.write(
        `${String(serial).padStart(4)}  ${at}  ${by}  +${summary.add} ~${summary.change} -${summary.destroy}\n`,
      );
    }
  }
  return EXIT.done;
}

export async function show(context: Context, options: CommonOptions, serial: string): Promise<number> {
  if (!/^\d+$/.test(serial)) {
    throw new OtterError('OT7001', `\`${serial}\` is not a serial: applied changes are counted 1, 2, 3`, {
      hint: '`otter history` lists them; `otter show 3` says what the third one changed.',
    });
  }
  const record = (await applied(context, options)).find((each) => each.serial === Number(serial));
  if (record === undefined)
    throw new OtterError('OT7002', `there is no serial ${serial}`, { hint: '`otter history` lists them.' });
  if (options.json === true) context.stdout.write(`${JSON.stringify(record, null, 2)}\n`);
  else {
    const { at, by, commit, planDigest, summary, addresses } = record;
    context.stdout.write(
      `Serial ${serial}, applied ${at} by ${by}${commit === null ? '' : `, commit ${commit}`}\nPlan ${planDigest}\n`,
    );
    context.stdout.write(
      `${summary.add} added, ${summary.change} changed, ${summary.destroy} destroyed:\n${addresses.map((address) => `  ${address}\n`).join('')}`,
    );
  }
  return EXIT.done;
}

async function applied(context: Context, options: CommonOptions): ReturnType<typeof readHistory> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const records = await readHistory(store, name);
  if (records.length > 0) return records;
  throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
    hint: 'Apply it first: otter apply',
  });
}
