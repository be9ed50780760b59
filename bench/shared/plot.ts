/** Lines over two axes as SVG, readable on light and on dark pages. */
import type { Axis, Plot } from './report.ts';
import { shown } from './report.ts';

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 52;
/** Told apart also by who does not see red and green alike; and by dashes, in print. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b'];
const DASHES = ['', '6 3', '2 3', '8 3 2 3', '1 4'];

interface Scale {
  readonly ticks: readonly number[];
  /** 0 at the low end, 1 at the high one. */
  readonly at: (value: number) => number;
}

export function svg({ title, x, y, lines }: Plot): string {
  const points = lines.flatMap((line) => line.points);
  const across = scaleOf(
    x,
    points.map(([value]) => value),
  );
  const up = scaleOf(
    y,
    points.map(([, value]) => value),
  );
  const px = (value: number): number => round(LEFT + across.at(value) * (WIDTH - LEFT - RIGHT));
  const py = (value: number): number => round(HEIGHT - BOTTOM - up.at(value) * (HEIGHT - TOP - BOTTOM));
  const grid = [
    ...up.ticks.map(
      (tick) =>
        `<path class="grid" d="M${LEFT} ${py(tick)}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${py(tick) + 4}" text-anchor="end">${shown(tick)}</text>`,
    ),
    ...across.ticks.map(
      (tick) =>
        `<path class="grid" d="M${px(tick)} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${px(tick)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${shown(tick)}</text>`,
    ),
  ];
  const labels = placed(lines.map((line) => py(line.points.at(-1)![1])));
  const drawn = lines.flatMap((line, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const dash = DASHES[i % DASHES.length]!;
    const path = line.points.map(([a, b], at) => `${at === 0 ? 'M' : 'L'}${px(a)} ${py(b)}`).join('');
    const end = px(line.points.at(-1)![0]);
    return [
      `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>`,
      ...line.points.map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="3" fill="${colour}"/>`),
      `<text x="${end + 10}" y="${labels[i]! + 4}" style="fill:${colour}">${escaped(line.name)}</text>`,
    ];
  });
  const middle = (LEFT + WIDTH - RIGHT) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">
<style>text{fill:#24292f}.grid{stroke:#8c959f;stroke-opacity:.35}@media (prefers-color-scheme:dark){text{fill:#d0d7de}}</style>
<text x="${LEFT}" y="20" font-size="14" font-weight="600">${escaped(title)}</text>
${grid.join('\n')}
${drawn.join('\n')}
<text x="${middle}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(x.label)}</text>
<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y.label)}</text>
</svg>
`;
}

/** A linear one begins at 0; a logarithmic one at a power of ten. */
function scaleOf({ scale }: Axis, values: readonly number[]): Scale {
  const most = Math.max(...values);
  if (scale === 'linear') {
    const step = roundStep(most / 5 || 1);
    const top = Math.ceil(most / step) * step || step;
    const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
    return { ticks, at: (value) => value / top };
  }
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(most)));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  return { ticks, at: (value) => (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low) };
}

/** 1, 2 or 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((times) => times * power >= least * 0.999) ?? 10) * power;
}

/** Names at the ends of lines, apart from each other. */
function placed(wanted: readonly number[]): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const result = [...wanted];
  for (const [at, i] of order.entries()) {
    const above = at === 0 ? Number.NEGATIVE_INFINITY : result[order[at - 1]!]!;
    result[i] = Math.max(wanted[i]!, above + 15);
  }
  return result;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
