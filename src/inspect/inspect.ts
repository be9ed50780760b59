/** Everything that is to be said of a topology's databases, each thing once. */
import { channelFindings } from './channels.ts';
import type { LiveFinding } from './finding.ts';
import { type Live, pipelinesOf } from './live.ts';
import { privilegeFindings } from './privileges.ts';
import { serverFindings } from './servers.ts';
import { tableFindings } from './tables.ts';

export function inspect(live: Live): LiveFinding[] {
  const sources = new Set(pipelinesOf(live.topology).map(({ source }) => source));
  const found = [
    ...[...live.databases].flatMap(([name, { report }]) =>
      serverFindings(name, live.topology.database[name]!, report, sources.has(name)),
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
