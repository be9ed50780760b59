/**
 * The dashboard without a terminal: a line per pipeline when something about it changes, and otherwise at most once a second;
 * for logs, pipes and CI. Also one whole frame as text. Pure but for the small class that remembers what it said.
 */
import type { PipelineStatus, StatusReport } from '../model/status.ts';
import type { Shown } from './controller.ts';
import { allPipelines, clock, copyShare, count, duration, percent } from './figures.ts';
import type { Paint } from './paint.ts';
import { printedLines } from './screens.ts';
import type { DashboardItem } from './store.ts';
import { lineText, printable } from './text.ts';

/** One line per pipeline. */
export function plainLines(report: StatusReport): string[] {
  const nameWidth = Math.max(0, ...allPipelines(report).map((pipeline) => pipeline.name.length));
  return allPipelines(report).map((pipeline) => plainLine(pipeline, nameWidth));
}

/** Where the person is as text, as high as it needs to be. */
export function frameText(shown: Shown, paint: Paint): string {
  return printedLines(shown, paint)
    .map((one) => lineText(one).replace(/^▸|^>/, ' '))
    .join('\n');
}

/** Remembers what was said, so that nothing is said twice and nothing more than once a second. */
export class PlainPrinter {
  readonly #said = new Map<string, { readonly text: string; readonly urgent: string; readonly atMs: number }>();
  #away: string | null = null;

  /** Lines to print now. */
  lines(item: DashboardItem, nowMs: number): string[] {
    const at = clock(nowMs);
    if ('note' in item) return [`${at}  ${printable(item.note)}`];
    if ('asked' in item) return [];
    if ('away' in item) {
      if (this.#away !== null) return [];
      this.#away = item.away;
      return [`${at}  state store away: ${printable(item.away)}`];
    }
    const back = this.#store(item.store_away?.message ?? null, at);
    return [...back, ...this.#nodes(item, nowMs), ...this.#pipelines(item, nowMs)].map((text) =>
      text.startsWith(at) ? text : `${at}  ${text}`,
    );
  }

  /** A report may come from the nodes, while the store is still away. */
  #store(away: string | null, at: string): string[] {
    const before = this.#away;
    this.#away = away;
    if (away === null) return before === null ? [] : [`${at}  state store is back`];
    return before === null ? [`${at}  state store away, the nodes tell: ${printable(away)}`] : [];
  }

  #pipelines(report: StatusReport, nowMs: number): string[] {
    const texts = plainLines(report);
    return allPipelines(report).flatMap((pipeline, index) => {
      const { phase, error, waiting, node, conflicts } = pipeline;
      return this.#say(
        pipeline.name,
        texts[index]!,
        JSON.stringify([phase, error, waiting, node, conflicts > 0]),
        nowMs,
      );
    });
  }

  #nodes(report: StatusReport, nowMs: number): string[] {
    return report.nodes.flatMap((node) => {
      const text = `node ${node.name} ${node.alive ? `alive${node.databases.length === 0 ? '' : `, owns ${node.databases.join(', ')}`}` : 'away'}`;
      return this.#say(`node ${node.name}`, text, text, nowMs);
    });
  }

  #say(key: string, text: string, urgent: string, nowMs: number): string[] {
    const before = this.#said.get(key);
    const changed = before === undefined || before.urgent !== urgent;
    const due = before !== undefined && before.text !== text && nowMs - before.atMs >= 1_000;
    if (!changed && !due) return [];
    this.#said.set(key, { text, urgent, atMs: nowMs });
    return [text];
  }
}

function plainLine(pipeline: PipelineStatus, nameWidth: number): string {
  const { copy, error } = pipeline;
  const parts = [
    pipeline.name.padEnd(nameWidth),
    pipeline.phase.padEnd(9),
    `lag ${pipeline.lag_ms === null ? '-' : duration(pipeline.lag_ms)}`.padEnd(11),
    `${count(pipeline.rows_per_second)} rows/s`.padEnd(13),
    `applied ${count(pipeline.rows_applied)}`,
    `conflicts ${count(pipeline.conflicts)}`,
  ];
  if (copy !== null && pipeline.phase === 'copying') {
    parts.push(
      `copied ${percent(copyShare(copy))}${copy.eta_ms === null ? '' : `, about ${duration(copy.eta_ms)} left`}`,
    );
  }
  if (pipeline.waiting !== null) parts.push(`waits for ${printable(pipeline.waiting)}`);
  if (error !== null)
    parts.push(`${error.code} ${printable(error.message)}${error.hint === null ? '' : ` (${printable(error.hint)})`}`);
  return parts.join('  ');
}
