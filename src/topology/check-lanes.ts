/** Whether a channel may have several writers (`apply.lanes`), and has said what it gives up for them. */
import type { ChannelSpec } from '../model/topology.ts';
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';

export function checkLanes({ topology, report }: Checked): void {
  for (const [name, channel] of Object.entries(topology.channel)) {
    if (channel.apply.lanes === 1) continue;
    const base: Path = ['channels', name, 'apply'];
    const refuse = (summary: string, detail: string, key: 'lanes' | 'atomic' = 'lanes'): void =>
      report({ code: 'OT1061', summary, detail, path: [...base, key], at: 'value' });
    if (channel.direction.kind === 'two-way') {
      refuse(
        '`lanes` above 1 in a two-way channel',
        'Conflicts are decided in the order of the log: leave `lanes` out.',
      );
      continue;
    }
    const oracle = channel.direction.to.find((database) => topology.database[database]?.engine === 'oracle');
    if (oracle !== undefined)
      refuse(`\`lanes\` above 1 into the Oracle database \`${oracle}\``, 'It has one writer: leave `lanes` out.');
    if (weighs(channel))
      refuse('`lanes` above 1 with `order`', 'Which rows come first is not kept between lanes: leave one of them out.');
    if (channel.apply.atomic)
      refuse(
        '`lanes` above 1 with `atomic: true`',
        'Each lane commits by itself, so that a transaction of the source would become visible in parts. If that is meant, say `atomic: false`.',
      );
  }
}

function weighs({ order, tables }: ChannelSpec): boolean {
  return Object.keys(order ?? {}).length > 0 || tables.some((table) => table.order !== undefined);
}
