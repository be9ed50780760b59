/** The comment of a pull request fits, is cut between objects, and holds no secret; the templates run what is there. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
// @ts-expect-error it runs without types, where nothing is installed
import * as written from '../../ci/comment.mjs';
import { planMarkdown } from '../../src/render/markdown.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { oddText } from '../import/odd-text.ts';
import { loaded, planned } from '../planner/world.ts';
import { BASE } from '../topology/example.ts';

const { comment, digestIn, fitted, marker, withoutSecrets } = written as {
  comment(wanted: object): string;
  digestIn(body: string): string | null;
  fitted(markdown: string, limit: number): string;
  marker(topology: string): string;
  withoutSecrets(text: string, env: Record<string, string>): string;
};

/** A plan of this many channels. */
async function markdownOf(channels: number): Promise<string> {
  const each = Array.from({ length: channels }, (_, i) => `  c${i}: { from: hz, to: ca, tables: [shop.t${i}] }\n`);
  await using store = memoryStore();
  return planMarkdown(await planned(store, loaded(`${BASE}channels:\n${each.join('')}`)), []);
}

const count = (text: string, what: RegExp): number => [...text.matchAll(what)].length;

test('what fits stays as it is; what does not is cut between objects, with the count of what is gone', async () => {
  const markdown = await markdownOf(40);
  expect(fitted(markdown, markdown.length)).toBe(markdown);
  const objects = count(markdown, /^\+ .* will be created/gm);
  fc.assert(
    fc.property(fc.integer({ min: 600, max: markdown.length }), (limit) => {
      const cut = fitted(markdown, limit);
      expect(cut.length).toBeLessThanOrEqual(limit);
      expect(cut.startsWith('### otter plan: t\n\n**Plan: ')).toBe(true);
      // Nothing is left open that the rest of the page would fall into.
      expect(count(cut, /^```/gm) % 2).toBe(0);
      expect(count(cut, /<details>/g)).toBe(count(cut, /<\/details>/g));
      if (!cut.includes('<details>')) return;
      const shown = count(cut, /^\+ .* will be created/gm);
      const gone = Number(/^# (\d+) more objects? (?:is|are) not shown$/m.exec(cut)?.[1] ?? 0);
      expect(shown + gone).toBe(objects);
      // Of each that is shown, all of it.
      expect(count(cut, /tables\[shop\.t\d+\]/g)).toBe(count(cut, /channel\.c\d+ will be created/g));
    }),
    { numRuns: 100 },
  );
  const short = fitted(markdown, 3000);
  const gone = /^(\d+) effects are not shown, none graver than those that are\.$/m.exec(short)?.[1];
  expect(count(short, /^\| (?:\*\*high\*\*|medium|low) \|/gm) + Number(gone)).toBe(
    count(markdown, /^\| (?:\*\*high\*\*|medium|low) \|/gm),
  );
});

test('whatever is said, it is found again and fits', () => {
  const digest = 'ab'.repeat(32);
  fc.assert(
    fc.property(oddText(600), fc.boolean(), (said, agreed) => {
      const text = `### otter\n<!-- otter: digest ${'cd'.repeat(32)} -->\n${said}`;
      const body = comment({
        topology: 'topologies/shop',
        text,
        digest: agreed ? digest : null,
        commit: '0'.repeat(40),
        link: null,
        limit: 400,
      });
      expect(body.length).toBeLessThanOrEqual(400);
      expect(body.startsWith(marker('topologies/shop'))).toBe(true);
      expect(digestIn(body)).toBe(agreed ? digest : null);
    }),
  );
});

test('what secrets hold is taken out, the longer ones first', () => {
  const env = {
    A_PASSWORD: 'geheim1',
    OTTER_GITLAB_TOKEN: 'geheim1-lang',
    DB_KEY: 'x',
    HOME: '/home/x',
    EMPTY_SECRET: '',
    OTTER_VAR_DB_PW: 'geheim2',
    PWD: '/work/x',
  };
  expect(withoutSecrets('a geheim1-lang geheim1 geheim2 x /home/x /work/x', env)).toBe(
    'a *** *** *** x /home/x /work/x',
  );
});

test('the templates are YAML, and run scripts that are there', () => {
  const read = (path: string): string => readFileSync(new URL(`../../ci/${path}`, import.meta.url), 'utf8');
  const action = parse(read('github/action.yml')) as {
    runs: { steps: { run: string; env?: Record<string, string> }[] };
    inputs: object;
  };
  const steps = action.runs.steps.map(({ run }) => run).join('\n');
  expect(steps).toContain('otter-ci.mjs');
  // What people write into a request is never part of a command line.
  expect(steps).not.toContain('${{');
  const workflow = parse(read('github/workflow.yaml')) as {
    jobs: Record<string, { steps: { uses: string; with?: Record<string, string> }[] }>;
  };
  for (const [job, { steps: list }] of Object.entries(workflow.jobs)) {
    const used = list.find(({ uses }) => uses.includes('/ci/github'));
    expect(used?.with?.['run']).toBe(job);
    for (const name of Object.keys(used?.with ?? {})) expect(Object.keys(action.inputs)).toContain(name);
  }
  const gitlab = parse(read('gitlab/otter.gitlab-ci.yml')) as Record<string, { script: string[] }>;
  for (const command of ['review', 'apply'])
    expect(gitlab[`otter ${command}`]!.script).toEqual([`node /otter/ci/otter-ci.mjs ${command}`]);
  expect(existsSync(new URL('../../ci/otter-ci.mjs', import.meta.url))).toBe(true);
  expect(readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')).toContain('COPY ci ./ci');
});
