/**
 * Judges the alerts of a topology, on one node at a time: the one that holds the key `watch`, under its own lease.
 *
 * Rules kept: every write compares that key, so who lost it without noticing tells nobody anything new; a notice is on record before it is
 * sent, and that it was sent as soon as it is known, so only a node that dies in between makes it come twice, and none makes it never
 * come; nothing here waits for a receiver; and while nothing happens nothing is written.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertRecord, SilenceRecord, WatchRecord } from '../model/alerts/records.ts';
import { isWithin } from '../model/alerts/times.ts';
import type { Condition, Logger, StateStore } from '../model/ports.ts';
import { judge } from '../observe/alerts/judge.ts';
import { noticeOf } from '../observe/alerts/notice.ts';
import { Rates } from '../observe/alerts/rates.ts';
import { due, type Memory, NOTHING_REMEMBERED, type Outcome, type Rule, step } from '../observe/alerts/step.ts';
import { type Sight, subjectsOf, Watch } from '../observe/alerts/watch.ts';
import { alertKey, silenceKey, watchKey } from '../state/keys.ts';
import { act } from './alert-acting.ts';
import { namesIn, recordsIn, ruleOf } from './alert-sight.ts';
import { leftTrials, openTrials } from './alert-trials.ts';
import { said } from './owned-sites.ts';
import type { Registration } from './presence.ts';
import { type Tell, toldError } from './telling.ts';
import type { Seen, World } from './world.ts';

export interface AlertingOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly node: string;
  readonly instance: string;
  readonly version: string;
  readonly world: World;
  /** Null while nothing may be begun. */
  readonly registration: () => Registration | null;
  readonly tell: Tell;
  readonly logger: Logger;
  readonly now: () => number;
}

/** How long what is under way may take when the node stops. */
const GRACE_MS = 5_000;

/** What is held and remembered while this node is the one that judges. */
interface Office {
  readonly condition: Condition;
  readonly lease: string;
  readonly watch: Watch;
  readonly rates: Rates;
  readonly memories: Map<string, Memory>;
  /** Alerts that this version does not understand. */
  readonly unread: Set<string>;
}

export class Alerting {
  readonly #options: AlertingOptions;
  #office: Office | null = null;
  /** By alert: what came of telling somebody since the last look. */
  readonly #outcomes = new Map<string, Outcome[]>();
  readonly #acted = new Set<string>();
  /** What is under way, by what it is. */
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #over = new AbortController();
  #news = new AbortController();
  #closing = false;

  constructor(options: AlertingOptions) {
    this.#options = options;
  }

  /** Ends when there is something to write down that cannot wait for the next look. Each look has its own. */
  get news(): AbortSignal {
    return this.#news.signal;
  }

  /** Once every second or so, and when there is news. @throws OtterError when the store is away */
  async look(): Promise<void> {
    this.#news = new AbortController();
    const { world } = this.#options;
    if (!world.ready || world.fault !== null) return;
    const office = await this.#held();
    if (office === null) return;
    const names = namesIn(world);
    const rules = world.names('alert').flatMap((name) => {
      const { spec } = world.spec('alert', name)!.record;
      const rule = ruleOf(name, names.shownSpec('alert', spec));
      if (rule === null && !office.unread.has(name)) {
        office.unread.add(name);
        this.#options.logger.error('alert is not understood by this version and is not judged', { alert: name });
      }
      return rule ?? [];
    });
    const nowMs = this.#options.now();
    const sight = office.watch.look(recordsIn(world, this.#options.topology, names), nowMs);
    office.rates.begin();
    const records = new Map(world.all<AlertRecord, 'alert'>('alert').map((one) => [one.key.name, one]));
    const silent = new Set(
      world
        .all<SilenceRecord, 'silence'>('silence')
        .flatMap(({ key, record }) => (record.untilMs > nowMs ? [key.address] : [])),
    );
    for (const rule of rules) {
      const silenced = silent.has(`alert.${rule.name}`) || silent.has(`${rule.watched}.${rule.target}`);
      if (!(await this.#judge(office, rule, records.get(rule.name) ?? null, silenced, sight, nowMs))) return;
    }
    await this.#tidy(office, nowMs);
    if (!this.#closing) this.#answer(rules);
  }

  /** Lets what is under way end, and writes down what came of it. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.race([Promise.all(this.#underWay.values()), sleep(GRACE_MS, undefined, { ref: false })]);
    if (this.#office !== null && this.#outcomes.size > 0) {
      try {
        await this.look();
      } catch (error) {
        this.#options.logger.warn('notices that were sent may come again', said(error));
      }
    }
    // What does not end by that comes to nothing: it is another node's to do.
    this.#over.abort();
  }

  // ------------------------------------------------------------ whose it is

  /** Null when another node judges, or nothing is to be judged. */
  async #held(): Promise<Office | null> {
    const { store, topology, world, node, instance, logger, registration } = this.#options;
    const lease = registration()?.lease ?? null;
    const key = watchKey(topology);
    const present = world.all<WatchRecord, 'watch'>('watch')[0];
    const held = this.#office;
    if (held !== null && (lease?.id !== held.lease || present?.revision !== held.condition.revision))
      this.#lose('another node may have taken it');
    if (lease === null) return null;
    if (!this.#wanted()) {
      if (this.#office === null) return null;
      const { condition } = this.#office;
      this.#lose('there are no alerts');
      const result = await store.commit({ conditions: [condition], puts: [], deletes: [key] });
      if (result.ok) world.deleted(key, result.revision);
      return null;
    }
    if (this.#office !== null) return this.#office;
    if (this.#closing || (present !== undefined && this.#lives(present.record))) return null;
    const value = JSON.stringify({ node, instance } satisfies WatchRecord);
    const conditions = [{ key, revision: present?.revision ?? null }];
    const result = await store.commit({ conditions, puts: [{ key, value, lease }], deletes: [] });
    if (!result.ok) return null;
    const { revision } = result;
    world.wrote({ key, value, revision, created: revision });
    logger.info('judges the alerts');
    this.#office = {
      condition: { key, revision },
      lease: lease.id,
      watch: new Watch(),
      rates: new Rates(),
      memories: new Map(),
      unread: new Set(),
    };
    return this.#office;
  }

  #lose(why: string): void {
    this.#office = null;
    this.#outcomes.clear();
    this.#options.logger.info('judges the alerts no more', { why });
  }

  /** A process that took the name of a node over from it is another. */
  #lives({ node, instance }: WatchRecord): boolean {
    return instance !== this.#options.instance && this.#options.world.node(node)?.record.instance === instance;
  }

  #wanted(): boolean {
    const { world } = this.#options;
    return world.names('alert').length > 0 || (['alert', 'trial'] as const).some((at) => world.all(at).length > 0);
  }

  // ------------------------------------------------------------ one alert

  /** False when this node is not the one any more. */
  async #judge(
    office: Office,
    rule: Rule,
    present: Seen<AlertRecord> | null,
    silenced: boolean,
    sight: Sight,
    nowMs: number,
  ): Promise<boolean> {
    const { topology, logger } = this.#options;
    const { name, spec } = rule;
    const key = alertKey(topology, name);
    const verdict = judge(rule.condition, subjectsOf(sight, rule.watched, rule.target), (subject, fact, perMs) =>
      office.rates.within(subject, fact, perMs, nowMs),
    );
    const outcomes = this.#outcomes.get(name) ?? [];
    const acted = this.#acted.has(name);
    const { record, memory } = step(rule, present?.record ?? null, office.memories.get(name) ?? NOTHING_REMEMBERED, {
      nowMs,
      verdict,
      silenced,
      within: spec.between === undefined || isWithin(spec.between, spec.zone ?? 'UTC', nowMs),
      outcomes,
      acted,
    });
    if (record !== null && record !== present?.record) {
      if (!(await this.#write(office, key, present?.revision ?? null, record))) return false;
      this.#say(logger, name, present?.record ?? null, record);
    }
    office.memories.set(name, memory);
    this.#recorded(name, outcomes.length, acted);
    if (record !== null && !this.#closing) {
      this.#send(rule, record, silenced, nowMs);
      this.#act(rule, record);
    }
    return true;
  }

  /** What came about while these were written is left for the next look. */
  #recorded(name: string, outcomes: number, acted: boolean): void {
    const since = (this.#outcomes.get(name) ?? []).slice(outcomes);
    if (since.length > 0) this.#outcomes.set(name, since);
    else this.#outcomes.delete(name);
    if (acted) this.#acted.delete(name);
  }

  async #write(office: Office, key: string, revision: number | null, record: AlertRecord): Promise<boolean> {
    const { store, world } = this.#options;
    const value = JSON.stringify(record);
    const conditions = [office.condition, { key, revision }];
    const result = await store.commit({ conditions, puts: [{ key, value }], deletes: [] });
    if (!result.ok) {
      this.#lose('what is on record was changed by another');
      return false;
    }
    world.wrote({ key, value, revision: result.revision, created: result.revision });
    return true;
  }

  #say(logger: Logger, alert: string, before: AlertRecord | null, { incident }: AlertRecord): void {
    const was = before?.incident ?? null;
    const about = incident?.about.map(({ name, says }) => `${name}: ${says}`) ?? [];
    if (incident?.firedMs != null && (was?.firedMs ?? null) === null) logger.warn('alert fires', { alert, about });
    if (incident?.endedMs != null && was?.endedMs === null) logger.info('alert is over', { alert });
    for (const [receiver, { error }] of Object.entries(incident?.told ?? {})) {
      const told = was?.told[receiver]?.error ?? null;
      if (error !== null && error.message !== told?.message)
        logger.warn('receiver could not be told', { alert, receiver, code: error.code, error: error.message });
    }
  }

  // ------------------------------------------------------------ what it leads to

  #send(rule: Rule, record: AlertRecord, silenced: boolean, nowMs: number): void {
    const { topology, node, tell, world } = this.#options;
    // Who has answered since the record was made is told nothing before that is on record too.
    const answered = new Set(this.#outcomes.get(rule.name)?.map(({ receiver }) => receiver));
    for (const receiver of due(rule, record, silenced, nowMs)) {
      if (answered.has(receiver)) continue;
      const spec = world.spec('notify', receiver)?.record.spec;
      if (spec === undefined) continue;
      const notice = noticeOf(rule, record.incident!, { topology, node });
      this.#begin(`told ${rule.name} ${receiver}`, async () => {
        const error = await toldError(tell(spec, notice, this.#over.signal));
        // Who ended it with the node is told by another.
        if (error !== null && this.#over.signal.aborted) return;
        const { incident, number } = notice;
        const all = this.#outcomes.get(rule.name) ?? [];
        this.#outcomes.set(rule.name, [...all, { receiver, incident, number, error }]);
        this.#news.abort();
      });
    }
  }

  #act({ name: alert, target: channel }: Rule, { incident }: AlertRecord): void {
    if (incident?.action == null || this.#acted.has(alert)) return;
    const { store, topology, version, now, logger } = this.#options;
    const { kind } = incident.action;
    this.#begin(`done ${alert}`, async () => {
      const acting = { store, topology, version, now, signal: this.#over.signal };
      try {
        const what = await act(acting, { kind, alert, channel, pipelines: incident.about.map(({ name }) => name) });
        logger.info('alert did something by itself', { alert, did: kind, to: what ?? 'nothing: somebody paused it' });
      } catch (error) {
        if (this.#over.signal.aborted) return;
        logger.warn('alert could not do anything by itself', { alert, did: kind, ...said(error) });
      }
      this.#acted.add(alert);
      this.#news.abort();
    });
  }

  #answer(rules: readonly Rule[]): void {
    for (const { id, answer } of openTrials(this.#options, rules)) {
      this.#begin(`trial ${id}`, async () => {
        try {
          await answer(this.#over.signal);
        } catch (error) {
          this.#options.logger.warn('what came of a test could not be written down', said(error));
        }
      });
    }
  }

  /** Once at a time. */
  #begin(what: string, work: () => Promise<void>): void {
    if (this.#underWay.has(what)) return;
    this.#underWay.set(
      what,
      work().finally(() => this.#underWay.delete(what)),
    );
  }

  /** Alerts that left the topology, silences that are over, and tests that nobody waits for. */
  async #tidy({ condition }: Office, nowMs: number): Promise<void> {
    const { store, topology, world } = this.#options;
    const gone = [
      ...world
        .all<AlertRecord, 'alert'>('alert')
        .flatMap(({ key: { name }, revision }) =>
          world.spec('alert', name) === null ? [{ key: alertKey(topology, name), revision }] : [],
        ),
      ...world
        .all<SilenceRecord, 'silence'>('silence')
        .flatMap(({ key: { address }, record, revision }) =>
          record.untilMs <= nowMs ? [{ key: silenceKey(topology, address), revision }] : [],
        ),
      ...leftTrials(this.#options),
    ];
    for (const one of gone) {
      const result = await store.commit({ conditions: [condition, one], puts: [], deletes: [one.key] });
      if (result.ok) world.deleted(one.key, result.revision);
    }
  }
}
