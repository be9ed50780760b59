/** Everything that is to be said of a topology's databases, each thing once. */
import { channelFindings } from './channels.ts';
import type { LiveFinding } from './finding.ts';
import { type Live, pipelinesOf } from './live.ts';
import { privilegeFindings } from './privileges.ts';
import { type Reading, serverFindings } from './servers.ts';
import { tableFindings } from './tables.ts';

export function inspect(live: Live): LiveFinding[] {
  const pipelines = pipelinesOf(live.topology);
  const sources = new Set(pipelines.map(({ source }) => source));
  const twoWay = new Set(pipelines.filter(({ role }) => role !== 'one-way').map(({ source }) => source));
  const readAs = (name: string): Reading => (twoWay.has(name) ? 'two-way' : sources.has(name) ? 'one-way' : null);
  const found = [
    ...[...live.databases].flatMap(([name, { report }]) =>
      serverFindings(name, live.topology.database[name]!, report, readAs(name)),
    ),
    ...privilegeFindings(live),
    ...channelFindings(live),
    ...tableFindings(live),
  ];
  const said = new Set<string>();
  return found.filter(({ code, summary, at }) => {
    const key = JSON.stringify([code, summary, at]);
    return !said.has(key) && said.add(key);
  });
}
