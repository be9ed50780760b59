/** What deciding a conflict would do, for people: the row as it is and as it will be, and what else happens. */
import type { NamedImage } from '../model/conflict.ts';
import type { ResolutionPlan } from '../model/resolution.ts';
import { tableName } from '../model/row.ts';
import { keyText, lines, padded } from './conflicts.ts';
import { displayWidth, printable, wrap } from './width.ts';

const WIDTH = 80;
const NAME_WIDTH = 20;

/** Fits into 80 columns. */
export function renderResolution(plan: ResolutionPlan, database: string): string {
  const { conflict, closes, removes } = plan;
  const others = closes.filter((id) => id !== conflict.id).map((id) => `${database}:${id}`);
  const facts = [
    ...(others.length === 0
      ? []
      : [`The row has other open conflicts here, which are closed too: ${others.join(', ')}.`]),
    ...removes.map((key) => `Deletes the row ${keyText(key)}: it has a unique value of this one.`),
    'It travels to the other site, and closes what is open of the row there.',
  ];
  const text = [
    `${database}:${conflict.id}  ${printable(tableName(conflict.table))}, ${printable(keyText(conflict.key))}`,
    '',
    ...sides(plan),
    '',
    ...facts.flatMap((fact) => wrap(printable(fact), WIDTH)),
  ];
  return `${text.map((line) => line.trimEnd()).join('\n')}\n`;
}

function sides({ now, chosen }: ResolutionPlan): string[] {
  if (now === null && chosen === null) return ['There is no such row here, and it stays so.'];
  const names = [...new Set([now, chosen].flatMap((image) => Object.keys(image ?? {})))];
  const nameWidth = Math.min(NAME_WIDTH, Math.max(6, ...names.map((name) => displayWidth(printable(name)))));
  const width = Math.floor((WIDTH - nameWidth - 6) / 2);
  const line = (name: string, one: string, other: string, marked: boolean): string =>
    `${padded(name, nameWidth)}   ${padded(one, width)} ${marked ? '*' : ' '} ${other}`;
  const title = (text: string, image: NamedImage | null): string => (image === null ? `${text} (no row)` : text);
  return [
    line('COLUMN', title('NOW', now), title('WILL BE', chosen), false),
    ...names.flatMap((name) => {
      const cells = [lines(now, name, width), lines(chosen, name, width)] as const;
      const called = wrap(printable(name), nameWidth);
      const marked = now !== null && chosen !== null && now[name] !== chosen[name];
      const height = Math.max(called.length, ...cells.map((cell) => cell.length));
      return Array.from({ length: height }, (_, i) =>
        line(called[i] ?? '', cells[0][i] ?? '', cells[1][i] ?? '', marked && i === 0),
      );
    }),
  ];
}

export function resolutionJson({ conflict, closes, removes, now, chosen }: ResolutionPlan, database: string): unknown {
  return {
    resolved: closes.map((id) => `${database}:${id}`),
    table: tableName(conflict.table),
    key: conflict.key,
    before: now,
    row: chosen,
    removed: removes,
  };
}
