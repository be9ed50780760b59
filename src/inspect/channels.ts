/** What is to be said of two servers side by side: clocks, packets, numbers that both hand out. */
import type { ServerReport } from '../model/inspection.ts';
import { tableName } from '../model/row.ts';
import { type FindingPlace, type LiveFinding, ofDatabase } from './finding.ts';
import { type Live, pipelinesOf } from './live.ts';
import { pairsOf } from './pairs.ts';

const CLOCKS_MS_MAX = 1_000;

export function channelFindings(live: Live): LiveFinding[] {
  return pipelinesOf(live.topology)
    .flatMap(({ source, target, reverse }) => {
      const [from, to] = [live.databases.get(source)?.report, live.databases.get(target)?.report];
      if (from === undefined || to === undefined) return [];
      const first = reverse === null || source < target;
      return [
        ...(first ? sameServer(source, from, target, to) : []),
        ...(first ? clocks(source, from, target, to) : []),
        ...packets(source, from, target, to),
      ];
    })
    .concat(Object.keys(live.topology.channel).flatMap((channel) => autoIncrement(live, channel)));
}

function sameServer(source: string, from: ServerReport, target: string, to: ServerReport): LiveFinding[] {
  if (from.facts.identity !== to.facts.identity || from.facts.family !== to.facts.family) return [];
  return [
    {
      code: 'OT4059',
      severity: 'warning',
      summary: `databases \`${source}\` (${from.endpoint}) and \`${target}\` (${to.endpoint}) are the same server`,
      detail: 'Correct the `endpoints` of one of them.',
      at: ofDatabase(target, 'endpoints'),
    },
  ];
}

function clocks(source: string, from: ServerReport, target: string, to: ServerReport): LiveFinding[] {
  const ahead = from.clock.aheadMs - to.clock.aheadMs;
  // Only what is certain.
  if (Math.abs(ahead) - from.clock.offMs - to.clock.offMs <= CLOCKS_MS_MAX) return [];
  const [early, late] = ahead > 0 ? [source, target] : [target, source];
  return [
    {
      code: 'OT4055',
      severity: 'warning',
      summary: `the clock of \`${early}\` is ${(Math.abs(ahead) / 1000).toFixed(1)} s ahead of that of \`${late}\``,
      detail:
        'Times that the servers write themselves, and the lag that otter shows, are off by so much. Keep both clocks with NTP.',
      at: ofDatabase(target, 'endpoints'),
    },
  ];
}

function packets(source: string, from: ServerReport, target: string, to: ServerReport): LiveFinding[] {
  if (to.packetBytes >= from.packetBytes) return [];
  return [
    {
      code: 'OT4056',
      severity: 'warning',
      summary: `max_allowed_packet of \`${target}\` is ${to.packetBytes}, that of \`${source}\` is ${from.packetBytes}`,
      detail: `A row that is larger stops the pipeline. At \`${target}\` run \`SET GLOBAL max_allowed_packet = ${from.packetBytes};\` and put it into the server configuration.`,
      at: ofDatabase(target, 'endpoints'),
    },
  ];
}

// ---------------------------------------------------------------- AUTO_INCREMENT

interface Site {
  readonly name: string;
  readonly increment: number;
  readonly offset: number;
}

function autoIncrement(live: Live, channel: string): LiveFinding[] {
  const { direction } = live.topology.channel[channel]!;
  if (direction.kind !== 'two-way') return [];
  const sites = direction.between.flatMap((name): Site[] => {
    const report = live.databases.get(name)?.report;
    return report === undefined ? [] : [{ name, ...sequenceOf(report) }];
  });
  const clash = sites.flatMap((one, i) => sites.slice(i + 1).map((other) => [one, other] as const)).find(meet);
  if (clash === undefined) return [];
  const tables = countingTables(live, channel);
  if (tables.length === 0) return [];
  const increment = Math.max(direction.between.length, ...sites.map((site) => site.increment));
  const shown =
    tables.length <= 3 ? tables.join(', ') : `${tables.slice(0, 3).join(', ')} and ${tables.length - 3} more`;
  const at: FindingPlace = { address: `channel.${channel}`, path: ['between'] };
  return [
    {
      code: 'OT4054',
      severity: 'warning',
      summary: `channel \`${channel}\`: \`${clash[0].name}\` and \`${clash[1].name}\` hand out the same AUTO_INCREMENT numbers for ${shown}`,
      detail: [
        'Rows that have nothing to do with each other would meet under one key. Type, and put it into the server configurations:',
        ...direction.between.map(
          (name, index) =>
            `at ${name}: SET GLOBAL auto_increment_increment = ${increment}, GLOBAL auto_increment_offset = ${index + 1};`,
        ),
      ].join('\n'),
      at,
    },
  ];
}

/** An offset above the increment is ignored by the server. */
function sequenceOf({ autoIncrement: { increment, offset } }: ServerReport): { increment: number; offset: number } {
  return { increment, offset: offset > increment ? 1 : offset };
}

/** Whether two sequences have a number in common: a difference of the offsets that both increments can make up. */
function meet([one, other]: readonly [Site, Site]): boolean {
  return (one.offset - other.offset) % greatestDivisor(one.increment, other.increment) === 0;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Tables of the channel, as the first site names them, whose keys the servers count. */
function countingTables(live: Live, channel: string): string[] {
  const pipeline = pipelinesOf(live.topology).find((one) => one.channel === channel);
  const source = pipeline && live.databases.get(pipeline.source);
  if (source === undefined) return [];
  return pairsOf(pipeline!, source.report, live.topology)
    .map((pair) => tableName(pair.source))
    .filter((name) => source.tables.get(name)?.autoIncrement === true);
}
