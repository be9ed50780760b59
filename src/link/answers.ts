/** What a node answers to single questions on its own port, by their paths. */
import type { LogAnswer, LogQuery } from '../model/log-lines.ts';
import type { MinutesAnswer, MinutesQuery } from '../model/minutes.ts';
import type { NodeAnswer } from '../model/records.ts';
import { FIGURES_PATH } from './figures.ts';
import { logQueryOf } from './logs.ts';
import { minutesQueryOf } from './minutes.ts';

/** Without one, its questions are not known. */
export interface Questions {
  /** What the node says of itself. */
  readonly figures?: (() => NodeAnswer) | undefined;
  readonly minutes?: ((query: MinutesQuery) => Promise<MinutesAnswer>) | undefined;
  readonly logs?: ((query: LogQuery) => LogAnswer) | undefined;
}

/** The answer as JSON; null: it is no such question. @throws whatever who answers throws */
export async function answerTo(path: string, { figures, minutes, logs }: Questions): Promise<string | null> {
  if (path === FIGURES_PATH) return figures === undefined ? null : JSON.stringify(figures());
  const history = minutes === undefined ? null : minutesQueryOf(path);
  if (history !== null) return JSON.stringify(await minutes!(history));
  const lines = logs === undefined ? null : logQueryOf(path);
  return lines === null ? null : JSON.stringify(logs!(lines));
}
