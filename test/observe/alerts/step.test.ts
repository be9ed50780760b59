/** The life of incidents in simulated time: when somebody is told, how often, and of what nobody is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCondition } from '../../../src/model/alerts/condition.ts';
import type { AlertRecord } from '../../../src/model/alerts/records.ts';
import type { AlertSpec } from '../../../src/model/topology.ts';
import type { Holds } from '../../../src/observe/alerts/judge.ts';
import {
  due,
  type Memory,
  NOTHING_REMEMBERED,
  type Outcome,
  type Rule,
  step,
} from '../../../src/observe/alerts/step.ts';

const START = Date.UTC(2026, 0, 1);

function ruleOf(more: Partial<AlertSpec> = {}): Rule {
  const spec: AlertSpec = { channel: 'shop', when: 'lag > 30s', for: '1m', notify: ['ops'], ...more };
  return {
    name: 'shop-lag',
    spec,
    condition: parseCondition(spec.when, 'channel'),
    watched: 'channel',
    target: 'shop',
  };
}

/** One look a second, every receiver at once, unless it is `deaf`. */
class Life {
  record: AlertRecord | null = null;
  memory: Memory = NOTHING_REMEMBERED;
  now = START;
  writes = 0;
  readonly told: string[] = [];
  readonly acts: number[] = [];
  readonly rule: Rule;
  deaf = new Set<string>();
  silenced = false;
  within = true;
  #outcomes: Outcome[] = [];
  #acted = false;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  look(holds: Holds, seconds = 1): this {
    for (let n = 0; n < seconds; n += 1) {
      this.now += 1000;
      const about = holds === 'yes' ? [{ name: 'shop/hz>ca', says: 'lag 31s' }] : [];
      const { nowMs, silenced, within } = { nowMs: this.now, silenced: this.silenced, within: this.within };
      const moment = {
        nowMs,
        verdict: { holds, about },
        silenced,
        within,
        outcomes: this.#outcomes,
        acted: this.#acted,
      };
      const next = step(this.rule, this.record, this.memory, moment);
      if (next.record !== this.record) this.writes += 1;
      const began = next.record?.incident?.action != null && this.record?.incident?.action == null;
      if (began) this.acts.push((this.now - START) / 1000);
      this.#acted = next.record?.incident?.action != null;
      [this.record, this.memory, this.#outcomes] = [next.record, next.memory, []];
      this.#tell();
    }
    return this;
  }

  /** Another node goes on with what is on record. */
  takenOver(): this {
    [this.memory, this.#outcomes, this.#acted] = [NOTHING_REMEMBERED, [], false];
    return this;
  }

  #tell(): void {
    if (this.record === null) return;
    for (const receiver of due(this.rule, this.record, this.silenced, this.now)) {
      const { id, notice } = this.record.incident!;
      const deaf = this.deaf.has(receiver);
      const error = deaf ? { code: 'OT8151', message: 'it did not answer' } : null;
      this.#outcomes.push({ receiver, incident: id, number: notice!.number, error });
      this.told.push(
        `${(this.now - START) / 1000}s ${receiver} ${notice!.kind} ${notice!.number}${deaf ? ' deaf' : ''}`,
      );
    }
  }
}

describe('one incident', () => {
  test('is told once when it has held for as long as `for`, and once when it is over', () => {
    const life = new Life(ruleOf()).look('no', 10).look('yes', 300).look('no', 100);
    expect(life.told).toEqual(['71s ops firing 1', '371s ops recovered 2']);
    expect(life.record).toMatchObject({ incident: null, past: [{ notices: 2, about: [{ name: 'shop/hz>ca' }] }] });
  });

  test('that does not last is nobody told of, and one that lasts no tenth of it is not even written down', () => {
    const life = new Life(ruleOf());
    for (let n = 0; n < 20; n += 1) life.look('yes', 5).look('no', 5);
    expect([life.told, life.writes]).toEqual([[], 0]);
    life.look('yes', 30).look('no', 30);
    expect([life.told, life.writes, life.record?.incident]).toEqual([[], 2, null]);
  });

  test('of which nothing changes is not written again', () => {
    const life = new Life(ruleOf()).look('yes', 100);
    const { writes } = life;
    life.look('yes', 10_000);
    expect(life.writes).toBe(writes);
  });

  test('is one, when it is not there for a moment', () => {
    const life = new Life(ruleOf()).look('yes', 70);
    for (let n = 0; n < 30; n += 1) life.look('no', 50).look('yes', 5);
    life.look('no', 70);
    expect(life.told.map((line) => line.split(' ')[2])).toEqual(['firing', 'recovered']);
  });

  test('what is not known neither begins nor ends it', () => {
    const life = new Life(ruleOf()).look('unknown', 1000);
    expect(life.record).toBeNull();
    life.look('yes', 70).look('unknown', 5000);
    expect(life.told).toEqual(['1061s ops firing 1']);
  });

  test('is told again as often as `repeat` says, while it holds', () => {
    const life = new Life(ruleOf({ repeat: '5m' })).look('yes', 700).look('unknown', 600).look('yes', 10);
    expect(life.told).toEqual(['61s ops firing 1', '361s ops repeat 2', '661s ops repeat 3', '1301s ops repeat 4']);
  });

  test('a node that takes it over tells nothing twice, and loses none of the time', () => {
    const life = new Life(ruleOf())
      .look('yes', 40)
      .takenOver()
      .look('yes', 40)
      .takenOver()
      .look('yes', 500)
      .takenOver();
    life.look('no', 62).takenOver().look('no', 100);
    expect(life.told).toEqual(['61s ops firing 1', '641s ops recovered 2']);
  });

  test('a node that dies between sending and writing it down makes it come twice, with the same number', () => {
    const life = new Life(ruleOf()).look('yes', 61).takenOver().look('yes', 10);
    expect(life.told).toEqual(['61s ops firing 1', '62s ops firing 1']);
  });
});

describe('receivers', () => {
  test('one that cannot be told is tried again, later and later, and holds up no other', () => {
    const life = new Life(ruleOf({ for: '0s', notify: ['ops', 'boss'] }));
    life.deaf.add('boss');
    life.look('yes', 100);
    const of = (name: string): string[] =>
      life.told.filter((line) => line.includes(name)).map((line) => line.split(' ')[0]!);
    expect(of('ops')).toEqual(['1s']);
    expect(of('boss')).toEqual(['1s', '7s', '18s', '39s', '80s']);
    expect(life.record?.incident?.told['boss']).toMatchObject({ failures: 5, error: { code: 'OT8151' }, number: 0 });
    life.deaf.clear();
    life.look('yes', 100);
    expect(of('boss').at(-1)).toBe('161s');
    expect(life.record?.incident?.told['boss']).toMatchObject({ failures: 0, error: null, number: 1 });
  });

  test('who was told nothing of it in time is told the newest only; and it is given up a day after the end', () => {
    const life = new Life(ruleOf({ for: '0s' }));
    life.deaf.add('ops');
    life.look('yes', 20).look('no', 3600);
    expect(life.told.at(-1)).toContain('recovered 2 deaf');
    expect(life.record?.incident).not.toBeNull();
    life.now += 86_400_000;
    life.look('no', 1);
    expect(life.record).toMatchObject({ incident: null, past: [{ notices: 2 }] });
  });
});

describe('silences and hours', () => {
  test('nobody is told while it is silenced; what still holds then is told', () => {
    const life = new Life(ruleOf({ for: '0s' }));
    life.silenced = true;
    life.look('yes', 100);
    expect(life.told).toEqual([]);
    life.silenced = false;
    expect(life.look('yes', 1).told).toEqual(['101s ops firing 1']);
  });

  test('what came and went in silence is nobody told of; who was told before is told of the end', () => {
    const life = new Life(ruleOf({ for: '0s' }));
    life.silenced = true;
    life.look('yes', 100).look('no', 100);
    expect([life.told, life.record?.past.length]).toEqual([[], 1]);
    life.silenced = false;
    life.look('yes', 1);
    life.silenced = true;
    expect(life.look('no', 10).told.map((line) => line.split(' ')[2])).toEqual(['firing', 'recovered']);
  });

  test('outside of its hours nothing begins, repeats or ends', () => {
    const life = new Life(ruleOf({ repeat: '1m' }));
    life.within = false;
    life.look('yes', 1000);
    expect([life.told, life.record]).toEqual([[], null]);
    life.within = true;
    life.look('yes', 61);
    expect(life.told).toEqual(['1061s ops firing 1']);
    life.within = false;
    life.look('no', 1000);
    expect(life.told).toHaveLength(1);
    life.within = true;
    expect(life.look('no', 100).told.at(-1)).toContain('recovered 2');
  });
});

describe('what is done by itself', () => {
  test('once when it fires, then later and later, at most so often in a day', () => {
    const life = new Life(ruleOf({ do: 'restart', limit: 4, for: '0s' })).look('yes', 3600);
    expect(life.acts).toEqual([1, 61, 181, 421]);
    expect(life.record?.incident).toMatchObject({ actions: 4, action: null });
    life.now += 86_400_000 - 3_600_000;
    life.look('yes', 10);
    expect(life.acts).toHaveLength(5);
  });

  test('an incident that comes back is not begun anew beyond the limit', () => {
    const life = new Life(ruleOf({ do: 'restart', for: '0s' }));
    for (let n = 0; n < 20; n += 1) life.look('yes', 5).look('no', 60);
    expect(life.acts).toHaveLength(3);
  });

  test('not in silence', () => {
    const life = new Life(ruleOf({ do: 'restart', for: '0s' }));
    life.silenced = true;
    expect(life.look('yes', 1000).acts).toEqual([]);
  });
});

test('property: whatever happens, notices are in order, and each incident begins and ends once', () => {
  const happening = fc.record({
    holds: fc.constantFrom<Holds>('yes', 'no', 'unknown'),
    seconds: fc.integer({ min: 1, max: 200 }),
    silenced: fc.boolean(),
    within: fc.boolean(),
    deaf: fc.boolean(),
    takenOver: fc.boolean(),
  });
  const specs = fc.record({
    for: fc.constantFrom('0s', '10s', '2m'),
    repeat: fc.constantFrom('1m', undefined),
    do: fc.constantFrom('restart' as const, undefined),
  });
  fc.assert(
    fc.property(specs, fc.array(happening, { maxLength: 20 }), ({ for: held, repeat, do: doing }, all) => {
      const more = { ...(repeat === undefined ? {} : { repeat }), ...(doing === undefined ? {} : { do: doing }) };
      const life = new Life(ruleOf({ for: held, ...more }));
      const incidents = new Map<string, { number: number; kinds: string[] }>();
      for (const { holds, seconds, silenced, within, deaf, takenOver } of all) {
        Object.assign(life, { silenced, within, deaf: new Set(deaf ? ['ops'] : []) });
        if (takenOver) life.takenOver();
        for (let n = 0; n < seconds; n += 1) {
          const before = life.record;
          life.look(holds);
          const incident = life.record?.incident;
          if (incident?.notice == null || incident.notice === before?.incident?.notice) continue;
          // Nothing is told that does not hold now, nor to those who are not to be told.
          if (incident.notice.kind !== 'recovered') expect([holds, silenced, within]).toEqual(['yes', false, true]);
          else expect(holds).toBe('no');
          const known = incidents.get(incident.id) ?? { number: 0, kinds: [] };
          if (incident.notice.number === known.number) continue;
          expect(incident.notice.number).toBe(known.number + 1);
          expect(known.kinds).not.toContain('recovered');
          if (incident.notice.kind === 'firing') expect(known.kinds).toEqual([]);
          incidents.set(incident.id, { number: incident.notice.number, kinds: [...known.kinds, incident.notice.kind] });
        }
      }
      expect(life.acts.length).toBeLessThanOrEqual(3);
    }),
  );
});
