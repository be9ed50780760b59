/** What is seen of a topology over time, and judged by conditions. */
import { describe, expect, test } from 'vitest';
import { parseCondition } from '../../../src/model/alerts/condition.ts';
import type { Watched } from '../../../src/model/alerts/facts.ts';
import type {
  FileFlowFigures,
  NodeRecord,
  PauseRecord,
  PipelineFigures,
  VerifiedRecord,
} from '../../../src/model/records.ts';
import { judge, type Verdict } from '../../../src/observe/alerts/judge.ts';
import { Rates } from '../../../src/observe/alerts/rates.ts';
import { subjectsOf, Watch } from '../../../src/observe/alerts/watch.ts';
import type { TopologyRecords } from '../../../src/observe/status.ts';
import { channel, database, node } from '../../executor/cluster.ts';

const START = Date.UTC(2026, 0, 1);
const FIGURES: PipelineFigures = {
  ...{ phase: 'streaming', observedGeneration: 1, lagMs: 10, position: '1', rowsApplied: 0, rowsPerSecond: 0 },
  ...{ conflicts: 0, drift: 0, copy: null, error: null, waiting: null },
};

const FLOW: FileFlowFigures = {
  ...{ phase: 'streaming', observedGeneration: 1, backlogFiles: 0, backlogBytes: 0, filesDone: 0, bytesDone: 0 },
  ...{ bytesReceived: 0, bytesPerSecond: 0, conflicts: 0, refused: 0, failures: 0, missing: 0 },
  ...{ error: null, waiting: null },
};

/** Two nodes that report every second, as long as they are told to. */
class Looking {
  now = START;
  readonly watch = new Watch();
  readonly rates = new Rates();
  readonly figures: Record<'hz' | 'ca', Partial<PipelineFigures>> = { hz: {}, ca: {} };
  readonly instances = { hz: 'i1', ca: 'i2' };
  readonly reporting = new Set<'hz' | 'ca'>(['hz', 'ca']);
  readonly gone = new Set<'hz' | 'ca'>();
  memory = 100e6;
  /** By how much the clocks of the nodes are late. */
  slow = 0;
  pauses: Record<string, PauseRecord> = {};
  /** How often the tables of the channel are compared, and what came of it. */
  every: { verify?: { every: string } } = {};
  verified: Record<string, VerifiedRecord> = {};
  /** Of the flow into ca. */
  flow: Partial<FileFlowFigures> = {};
  readonly #updated = { hz: START, ca: START };

  verdict(when: string, watched: Watched = 'channel', target = 'shop', seconds = 1): Verdict {
    const condition = parseCondition(when, watched);
    let verdict: Verdict | null = null;
    for (let n = 0; n < seconds; n += 1) {
      this.now += 1000;
      for (const site of ['hz', 'ca'] as const) if (this.reporting.has(site)) this.#updated[site] = this.now;
      const sight = this.watch.look(this.#records(), this.now);
      this.rates.begin();
      verdict = judge(condition, subjectsOf(sight, watched, target), (subject, fact, perMs) =>
        this.rates.within(subject, fact, perMs, this.now),
      );
    }
    return verdict!;
  }

  #records(): TopologyRecords {
    const spec = <T>(one: T): { generation: number; spec: T } => ({ generation: 1, spec: one });
    const nodeOf = (site: 'hz' | 'ca'): NodeRecord => ({
      ...{
        instance: this.instances[site],
        region: site,
        advertise: '',
        version: '1',
        startedMs: START,
        pid: 1,
        host: 'h',
      },
      ...{ databases: [site], rssBytes: this.memory, error: null, updatedMs: this.#updated[site] - this.slow },
      ...(site === 'ca' ? { files: { 'files.images/hz>ca': { ...FLOW, ...this.flow } } } : {}),
      pipelines: { [site === 'ca' ? 'shop/hz>ca' : 'shop/ca>hz']: { ...FIGURES, ...this.figures[site] } },
    });
    const sites = (['hz', 'ca'] as const).filter((site) => !this.gone.has(site));
    return {
      name: 'shop',
      meta: null,
      specs: {
        region: {},
        node: { 'n-hz': spec(node('n-hz', 'hz').spec), 'n-ca': spec(node('n-ca', 'ca').spec) } as never,
        database: { hz: spec(database('hz', 'hz').spec), ca: spec(database('ca', 'ca').spec) } as never,
        channel: { shop: spec({ ...channel('shop', ['hz', 'ca']).spec, ...this.every }) } as never,
        files: { images: spec({ from: 'hz', to: 'ca', roots: {} }) } as never,
      },
      nodes: Object.fromEntries(sites.map((site) => [`n-${site}`, nodeOf(site)])),
      owners: Object.fromEntries(
        sites.flatMap((site) =>
          [site, `files.images@${site}`].map((owned) => [
            owned,
            { node: `n-${site}`, instance: this.instances[site], advertise: '' },
          ]),
        ),
      ),
      pipelines: {},
      lock: null,
      pauses: this.pauses,
      verified: this.verified,
    };
  }
}

describe('lag', () => {
  test('is what a pipeline reports, and says which', () => {
    const looking = new Looking();
    looking.figures.ca = { lagMs: 31_000 };
    expect(looking.verdict('lag > 30s')).toEqual({ holds: 'yes', about: [{ name: 'shop/hz>ca', says: 'lag 31s' }] });
    looking.figures.ca = { lagMs: 29_000 };
    expect(looking.verdict('lag > 30s').holds).toBe('no');
  });

  test('goes on while nobody reports it: its node is gone, or silent', () => {
    const looking = new Looking();
    looking.verdict('lag > 30s');
    looking.gone.add('ca');
    expect(looking.verdict('lag > 30s', 'channel', 'shop', 29).holds).toBe('no');
    expect(looking.verdict('lag > 30s', 'channel', 'shop', 3)).toMatchObject({
      holds: 'yes',
      about: [{ name: 'shop/hz>ca' }],
    });
    looking.reporting.delete('hz');
    expect(looking.verdict('lag > 30s', 'channel', 'shop', 40).about).toHaveLength(2);
  });

  test('is none of what somebody paused, but of what an alert restarts', () => {
    const looking = new Looking();
    looking.figures.ca = { lagMs: 31_000 };
    looking.verdict('lag > 30s');
    looking.figures.ca = { lagMs: null, phase: 'paused' };
    const pause = { by: 'ann', host: 'h', at: '', reason: 'index is built' };
    looking.pauses = { 'pipeline.shop/hz>ca': { ...pause, by: 'otter', reason: 'alert shop-lag restarts it' } };
    expect(looking.verdict('lag > 30s').holds).toBe('yes');
    looking.pauses = { 'pipeline.shop/hz>ca': pause };
    expect(looking.verdict('lag > 30s', 'channel', 'shop', 50).holds).toBe('no');
    expect(looking.verdict('phase = paused').about).toEqual([{ name: 'shop/hz>ca', says: 'phase paused' }]);
  });

  test('is not known while rows are copied', () => {
    const looking = new Looking();
    looking.figures.ca = { lagMs: null, phase: 'copying' };
    expect(looking.verdict('lag > 1s', 'channel', 'shop', 60).holds).toBe('unknown');
    expect(looking.verdict('copy = running').holds).toBe('yes');
  });
});

test('a position that does not move, and a pipeline that writes nothing', () => {
  const looking = new Looking();
  expect(looking.verdict('idle > 1m', 'channel', 'shop', 60).holds).toBe('no');
  expect(looking.verdict('idle > 1m', 'channel', 'shop', 2).about).toHaveLength(2);
  looking.figures.ca = { position: '2' };
  expect(looking.verdict('idle > 1m').about.map(({ name }) => name)).toEqual(['shop/ca>hz']);
  expect(looking.verdict('quiet > 1m').about).toHaveLength(2);
  looking.figures.hz = { rowsApplied: 5 };
  expect(looking.verdict('quiet > 1m').about.map(({ name }) => name)).toEqual(['shop/hz>ca']);
});

describe('rates', () => {
  test('count what came within the time, also when a node begins to count anew', () => {
    const looking = new Looking();
    looking.figures.ca = { conflicts: 1000 };
    // What was counted before anybody looked is no news.
    expect(looking.verdict('conflicts > 10/min', 'channel', 'shop', 70).holds).toBe('no');
    looking.figures.ca = { conflicts: 1008 };
    expect(looking.verdict('conflicts > 10/min').holds).toBe('no');
    looking.instances.ca = 'i3';
    looking.figures.ca = { conflicts: 4 };
    expect(looking.verdict('conflicts > 10/min').about).toEqual([{ name: 'shop/hz>ca', says: 'conflicts 12 in 1m' }]);
    expect(looking.verdict('conflicts > 10/min', 'channel', 'shop', 70).holds).toBe('no');
  });

  test('of less than the whole time say what is known already, and no more', () => {
    const looking = new Looking();
    expect(looking.verdict('rows < 1/min', 'channel', 'shop', 30).holds).toBe('unknown');
    expect(looking.verdict('rows > 5/min').holds).toBe('unknown');
    looking.figures.ca = { rowsApplied: 9 };
    expect(looking.verdict('rows > 5/min').holds).toBe('yes');
    expect(looking.verdict('rows < 1/min', 'channel', 'shop', 70).holds).toBe('yes');
  });

  test('of a node that is silent are not known', () => {
    const looking = new Looking();
    looking.verdict('rows < 1/min', 'channel', 'shop', 70);
    looking.reporting.clear();
    expect(looking.verdict('rows < 1/min', 'channel', 'shop', 15).holds).toBe('unknown');
  });
});

test('errors: the notice has code and title, never the message, which may name a key', () => {
  const looking = new Looking();
  const error = { code: 'OT5016', message: 'shop.orders (id = 4711) is refused: duplicate entry', hint: null };
  looking.figures.ca = { phase: 'failed', error };
  const { holds, about } = looking.verdict('error ~ "DUPLICATE" and phase = failed');
  expect(holds).toBe('yes');
  expect(about[0]?.says).toMatch(/^error OT5016 \(.+\), phase failed$/);
  expect(JSON.stringify(about)).not.toContain('4711');
  expect(looking.verdict('error ~ "deadlock"').holds).toBe('no');
});

test('a database is down when nobody owns it, or its server is away', () => {
  const looking = new Looking();
  // Who has just begun to look, as who has just taken a database over, may not have been told yet.
  expect(looking.verdict('down', 'database', 'hz').holds).toBe('unknown');
  expect(looking.verdict('down', 'database', 'hz', 15).holds).toBe('no');
  // The pipeline into the other database says so.
  looking.figures.ca = { error: { code: 'OT4004', message: 'hz has not answered', hint: null, database: 'hz' } };
  expect(looking.verdict('down', 'database', 'hz')).toEqual({
    holds: 'yes',
    about: [{ name: 'database hz', says: 'down' }],
  });
  expect(looking.verdict('down', 'database', 'ca').holds).toBe('no');
  looking.figures.ca = { deadLetters: 3, lagMs: 5000 };
  expect(looking.verdict('dead_letters > 2 and lag >= 5s', 'database', 'ca').holds).toBe('yes');
  looking.gone.add('ca');
  // As long as a node takes that starts again. That an incident is over is not known either.
  expect(looking.verdict('down', 'database', 'ca', 14).holds).toBe('unknown');
  expect(looking.verdict('down', 'database', 'ca', 2).holds).toBe('yes');
  looking.gone.delete('ca');
  expect(looking.verdict('down', 'database', 'ca', 14).holds).toBe('unknown');
  expect(looking.verdict('down', 'database', 'ca', 2).holds).toBe('no');
});

test('files: what is to be carried, what is missing, what is wrong; and nothing is known while nobody tells', () => {
  const looking = new Looking();
  expect(looking.verdict('backlog > 10 or missing > 0 or error', 'files', 'images').holds).toBe('no');
  looking.flow = { missing: 3, backlogFiles: 4 };
  expect(looking.verdict('backlog > 10 or missing > 0', 'files', 'images')).toEqual({
    holds: 'yes',
    about: [{ name: 'files.images/hz>ca', says: 'backlog 4, missing 3' }],
  });
  looking.flow = { error: { code: 'OT8001', message: 'the root is not there', hint: null } };
  expect(looking.verdict('error ~ "OT8001"', 'files', 'images').holds).toBe('yes');
  looking.reporting.delete('ca');
  expect(looking.verdict('missing > 0', 'files', 'images', 11).holds).toBe('unknown');
  looking.flow = {};
  looking.gone.add('ca');
  expect(looking.verdict('missing > 0 or error', 'files', 'images').holds).toBe('unknown');
});

test('a node is down when it has no record; its memory', () => {
  const looking = new Looking();
  expect(looking.verdict('down or memory > 400MB', 'node', 'n-ca').holds).toBe('no');
  looking.memory = 412e6;
  expect(looking.verdict('down or memory > 400MB', 'node', 'n-ca').about[0]?.says).toBe('memory 412 MB');
  looking.gone.add('ca');
  expect(looking.verdict('down or memory > 400MB', 'node', 'n-ca')).toEqual({
    holds: 'yes',
    about: [{ name: 'node n-ca', says: 'down' }],
  });
  expect(looking.verdict('down', 'node', 'n-hz').holds).toBe('no');
});

test('a node whose clock is wrong is not silent', () => {
  const looking = new Looking();
  looking.slow = 60_000;
  expect(looking.verdict('lag > 5s', 'channel', 'shop', 60).holds).toBe('no');
});

test('what came of the newest comparison is known when there was one, of the side that is compared with the other', () => {
  const looking = new Looking();
  const about = (when: string): unknown => {
    const { holds, about: found } = looking.verdict(when);
    return [holds, found.map(({ name, says }) => `${name}: ${says}`).join()];
  };
  expect(about('verify != equal')).toEqual(['unknown', '']);
  expect(about('differing > 0')).toEqual(['unknown', '']);
  looking.every = { verify: { every: '1h' } };
  expect(about('differing > 0')).toEqual(['unknown', '']);
  const last = {
    node: 'n-ca',
    startedMs: START,
    endedMs: START,
    tables: 2,
    skipped: 0,
    rows: 9,
    differing: 0,
    busy: 0,
  };
  looking.verified = { 'shop/ca': { ...last, error: null } };
  expect(about('verify != equal or differing > 0')).toEqual(['no', '']);
  looking.verified = { 'shop/ca': { ...last, differing: 3, error: null } };
  expect(about('verify differs and differing > 2')).toEqual(['yes', 'shop/hz>ca: verify differs, differing 3']);
  looking.verified = { 'shop/ca': { ...last, skipped: 1, error: null } };
  expect(about('verify != equal')).toEqual(['yes', 'shop/hz>ca: verify incomplete']);
  const error = { code: 'OT4004', message: 'ca has not answered', hint: null };
  looking.verified = { 'shop/ca': { ...last, differing: 3, error } };
  expect(about('verify failed')).toEqual(['yes', 'shop/hz>ca: verify failed']);
  expect(about('differing > 0')).toEqual(['unknown', '']);
});
