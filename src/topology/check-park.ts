/** Whether a channel may set aside what its target refuses (`on_error: park`). */
import type { Checked } from './checked.ts';
import type { Path } from './tree.ts';

export function checkPark({ topology, report }: Checked): void {
  for (const [name, { onError, direction, apply }] of Object.entries(topology.channel)) {
    if (onError !== 'park') continue;
    const path: Path = ['channels', name, 'on_error'];
    const refuse = (summary: string, detail: string): void =>
      report({ code: 'OT1068', summary, detail, path, at: 'value' });
    if (direction.kind === 'two-way') {
      refuse(
        '`on_error: park` in a two-way channel',
        'The sites would differ in silence: a later write here would count as one that had seen the row which was set aside. Leave `on_error` out: the pipeline then stops before such a row.',
      );
      continue;
    }
    const oracle = direction.to.find((database) => topology.database[database]?.engine === 'oracle');
    if (oracle !== undefined)
      refuse(
        `\`on_error: park\` into the Oracle database \`${oracle}\``,
        'Rows are set aside in a MySQL or MariaDB only: leave `on_error` out.',
      );
    if (apply.lanes > 1)
      refuse(
        '`on_error: park` with `lanes` above 1',
        'What must wait behind a row that was set aside may be in another lane: leave one of them out.',
      );
  }
}
