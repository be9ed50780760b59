/**
 * The dashboard without its drawing: keys in, what is asked for fetched while somebody looks at it, deeds begun, asked about and
 * ended. Holds the view and what is known; whoever draws subscribes.
 */
import { messageOf, OtterError } from '../model/error.ts';
import { answerKey, type Deed, type Desk, type Loaded } from './desk.ts';
import { carriedOut, type Key, press, type Seen, type Want } from './keys.ts';
import { aboutOf, namesOf, pageOf } from './pages.ts';
import type { Paint } from './paint.ts';
import type { Place } from './places.ts';
import { type DashboardItem, type DashboardState, DashboardStore } from './store.ts';
import { glyphs } from './theme.ts';
import { FIRST_VIEW, here, type View } from './view.ts';
import { begun, said, type Work } from './work.ts';

/** What is drawn. */
export interface Shown {
  readonly state: DashboardState;
  readonly view: View;
  readonly work: Work | null;
  readonly write: boolean;
  /** Whether anybody can be asked for what is not known; a recording has nobody. */
  readonly asks: boolean;
}

/** How often what is looked at is asked for again; never so often that asking takes more than a tenth of the time. */
const AGAIN_MS = 3_000;
/** What is kept by the minute. */
const HISTORY_AGAIN_MS = 30_000;
const ASKING_SHARE = 10;

export class Controller {
  readonly #desk: Desk | null;
  readonly #store: DashboardStore;
  readonly #now: () => number;
  readonly #heard: ((item: DashboardItem) => void) | undefined;
  readonly #listeners = new Set<() => void>();
  #shown: Shown;
  /** Of what is asked for now. */
  #asking: { readonly key: string; readonly ended: AbortController } | null = null;
  #deed: { readonly ended: AbortController; answer: ((yes: boolean) => void) | null } | null = null;
  /** A place that was named before anything was known. */
  #open: string | null;

  /**
   * @param open a command as after `:`, carried out as soon as there is a report
   * @param heard told of everything that becomes known
   */
  constructor(desk: Desk | null, now: () => number, open: string | null = null, heard?: (item: DashboardItem) => void) {
    this.#heard = heard;
    this.#desk = desk;
    this.#now = now;
    this.#store = new DashboardStore(now);
    this.#open = open;
    this.#shown = {
      state: this.#store.getSnapshot(),
      view: FIRST_VIEW,
      work: null,
      write: desk?.write ?? false,
      asks: desk !== null,
    };
  }

  readonly getSnapshot = (): Shown => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  push(item: DashboardItem): void {
    this.#heard?.(item);
    this.#store.push(item);
    this.#show({ state: this.#store.getSnapshot() });
    if (this.#open === null || this.#shown.state.report === null) return;
    const open = this.#open;
    this.#open = null;
    this.#step(carriedOut(this.#shown.view, open, this.#seen()));
  }

  /** Typed by a person, at once. What comes in one piece with the begin of a deed cannot be an answer to what it asks. */
  press(keys: readonly Key[]): void {
    for (const key of keys) {
      const step = press(this.#shown.view, key, this.#seen());
      this.#step(step);
      if (step.want?.kind === 'deed') return;
    }
  }

  /** Whether everything that is to be shown is known: asked for, and answered. */
  get complete(): boolean {
    const { state, view } = this.#shown;
    const key = answerKey(here(view));
    return (
      this.#open === null && state.report !== null && (key === null || this.#desk === null || state.answers.has(key))
    );
  }

  /** Nothing is asked or done any more. */
  end(): void {
    this.#asking?.ended.abort();
    this.#leaveDeed();
  }

  #step({ view, want }: { readonly view: View; readonly want: Want | null }): void {
    this.#show({ view });
    if (want !== null) this.#do(want);
    this.#askFor(here(this.#shown.view));
    if (view.quit) this.end();
  }

  #show(change: Partial<Shown>): void {
    this.#shown = { ...this.#shown, ...change };
    for (const listener of this.#listeners) listener();
  }

  #seen(): Seen {
    const { state, view, work, write } = this.#shown;
    const known = namesOf(state.report);
    const doing =
      work === null ? null : work.ended !== null ? 'ended' : work.asks === null ? 'runs' : { asks: work.asks.word };
    const nothing = { names: [], open: () => null, columns: 0, lines: 0, about: null };
    if (state.report === null) return { ...nothing, known, write, work: doing };
    // Where things stand does not depend on how wide they are drawn.
    const paint: Paint = { glyphs: glyphs(true), columns: 80, nowMs: this.#now() };
    const page = pageOf(state, state.report, view, write, paint);
    const about = aboutOf(page, view);
    if (page.kind === 'text') return { ...nothing, lines: page.lines(24).length, about, known, write, work: doing };
    const { names, open, sortable } = page.list;
    return { names, open, columns: sortable, lines: 0, about, known, write, work: doing };
  }

  // -------------------------------------------------------------- what is asked for

  #askFor(place: Place): void {
    const key = answerKey(place);
    if (this.#asking?.key === key) return;
    this.#asking?.ended.abort();
    this.#asking = null;
    if (key === null || this.#desk === null || this.#shown.view.quit) return;
    const ended = new AbortController();
    this.#asking = { key, ended };
    void this.#keepAsking(this.#desk, key, place, ended.signal);
  }

  async #keepAsking(desk: Desk, key: string, place: Place, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const since = performance.now();
      const answer = await asked(desk, place, signal);
      if (signal.aborted) return;
      this.push({ asked: key, answer });
      // What is applied changes seldom, and a database is not asked for its tables again and again.
      if (place.kind === 'yaml' || place.kind === 'tables') return;
      const again = place.kind === 'pipeline' ? HISTORY_AGAIN_MS : AGAIN_MS;
      await slept(Math.max(again, (performance.now() - since) * ASKING_SHARE), signal);
    }
  }

  // -------------------------------------------------------------- deeds

  #do(want: Want): void {
    switch (want.kind) {
      case 'deed':
        if (this.#desk !== null) void this.#perform(this.#desk, want.deed);
        return;
      case 'answer':
        this.#deed?.answer?.(want.yes);
        return;
      case 'leave':
        if (this.#shown.work?.ended == null) this.#leaveDeed();
        else this.#show({ work: null });
    }
  }

  #leaveDeed(): void {
    this.#deed?.ended.abort(new OtterError('OT7006', 'cancelled; nothing more is done'));
  }

  async #perform(desk: Desk, deed: Deed): Promise<void> {
    const ended = new AbortController();
    const mine = { ended, answer: null as ((yes: boolean) => void) | null };
    this.#deed = mine;
    const change = (step: (work: Work) => Work): void => {
      if (this.#deed === mine) this.#show({ work: step(this.#shown.work ?? begun(deed)) });
    };
    change(() => begun(deed));
    let left = false;
    try {
      const verdict = await desk.perform(deed, {
        say: (text) => change((work) => said(work, text)),
        ask: async (question, word) => {
          const { promise, resolve } = Promise.withResolvers<boolean>();
          mine.answer = resolve;
          ended.signal.addEventListener('abort', () => resolve(false), { once: true });
          change((work) => ({ ...work, asks: { question, word } }));
          const yes = await promise;
          left = !yes;
          change((work) => ({ ...work, asks: null }));
          return yes;
        },
        signal: ended.signal,
      });
      change((work) => ({ ...work, ended: { how: left ? 'left' : verdict === null ? 'done' : 'failed', verdict } }));
    } catch (error) {
      left ||= ended.signal.aborted;
      const hint = error instanceof OtterError && error.hint !== undefined ? `\n${error.hint}` : '';
      const code = error instanceof OtterError ? `${error.code}: ` : '';
      if (!left) change((work) => said(work, `${code}${messageOf(error)}${hint}`));
      change((work) => ({ ...work, ended: { how: left ? 'left' : 'failed', verdict: null } }));
    }
    this.#again();
  }

  /** What is looked at may be different now. */
  #again(): void {
    this.#asking?.ended.abort();
    this.#asking = null;
    this.#askFor(here(this.#shown.view));
  }
}

async function asked(desk: Desk, place: Place, signal: AbortSignal): Promise<Loaded | { readonly failed: string }> {
  try {
    return await load(desk, place, signal);
  } catch (error) {
    const hint = error instanceof OtterError && error.hint !== undefined ? ` ${error.hint}` : '';
    const code = error instanceof OtterError ? `${error.code}: ` : '';
    return { failed: `${code}${messageOf(error)}${hint}` };
  }
}

async function load(desk: Desk, place: Place, signal: AbortSignal): Promise<Loaded> {
  const { kind } = place;
  if (kind === 'conflicts') return { kind, value: await desk.conflicts(signal) };
  if (kind === 'conflict') return { kind, value: await desk.conflict(place.name, signal) };
  if (kind === 'tables') return { kind, value: await desk.tables(place.name, signal) };
  if (kind === 'yaml') return { kind, value: await desk.yaml(place.name, signal) };
  if (kind === 'alerts') return { kind, value: await desk.alerts(signal) };
  if (kind === 'pipeline') return { kind: 'history', value: await desk.history(place.name, signal) };
  return { kind: 'past', value: await desk.past(signal) };
}

async function slept(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
