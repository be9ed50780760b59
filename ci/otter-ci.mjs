#!/usr/bin/env node
/**
 * `otter-ci.mjs review` validates and plans, and says so in the one comment of the pull request; `otter-ci.mjs apply` carries out, after
 * the merge, exactly the plan that the comment shows. Runs on GitHub Actions and GitLab CI; needs otter and nothing else.
 *
 * Settings are environment variables: `OTTER_TOPOLOGY` (-t), `OTTER_CI_ENV` (--env), `OTTER_STATE`, `OTTER_CI_TIMEOUT` (how long apply waits for nodes), `OTTER_CI_BIN`
 * (default: beside this file), `OTTER_CI_AUTHOR` (GitHub: who writes the comment).
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { comment, digestIn, marker, withoutSecrets } from './comment.mjs';
import { hostOf } from './hosts.mjs';

/** As otter ends. */
const EXIT = { done: 0, error: 1, usage: 3, refused: 4, stale: 5 };

const { env } = process;
const topology = [
  ...(env.OTTER_TOPOLOGY ? ['-t', env.OTTER_TOPOLOGY] : []),
  ...(env.OTTER_CI_ENV ? ['--env', env.OTTER_CI_ENV] : []),
];
/** As it is set here, and not as the files name it: they may be broken, and the comment is the same. */
const name = wordOf([env.OTTER_TOPOLOGY || 'topologies', ...(env.OTTER_CI_ENV ? [env.OTTER_CI_ENV] : [])]);

async function review(host) {
  if (host.request === null) return fail('this run is for no pull request', EXIT.usage);
  const annotations = env.GITHUB_ACTIONS === 'true' ? 'github' : 'text';
  const valid = await otter(['validate', ...topology, '--format', annotations], { show: true });
  if (valid.code !== 0) {
    const { out } = await otter(['validate', ...topology]);
    const text = `### otter: ${name}\n\n**Not valid**, so there is no plan.\n\n<details open><summary>Findings</summary>\n\n${fenced(out)}\n</details>\n`;
    await say(host, host.request, text, null);
    return valid.code;
  }
  const folder = mkdtempSync(join(tmpdir(), 'otter-ci-'));
  try {
    const file = join(folder, 'plan');
    const planned = await otter(['plan', ...topology, '--format', 'markdown', '--out', file]);
    if (planned.code !== 0 && planned.code !== EXIT.refused) {
      const text = `### otter: ${name}\n\n**No plan could be made.**\n\n${fenced(planned.err)}\n`;
      await say(host, host.request, text, null);
      return planned.code;
    }
    const { changes, plan_digest, applyable } = JSON.parse(readFileSync(file, 'utf8'));
    const agreed = applyable && changes.length > 0 ? plan_digest : null;
    summary(planned.out);
    // A comment has room for a part of it only.
    await otter(['plan', ...topology], { show: true, quiet: true });
    await say(host, host.request, planned.out, agreed);
    return planned.code;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function apply(host) {
  const planned = await otter(['plan', ...topology, '--json', '--detailed-exitcode']);
  if (planned.code === EXIT.done) return done(`${name}: nothing to apply.`);
  if (planned.code !== 2) return fail(`${name}: no plan could be made`, planned.code, planned.err);
  const { plan_digest: present } = JSON.parse(planned.out);
  const request = await host.requestOf(host.commit);
  if (request === null)
    return fail(`${name}: commit ${host.commit} came by no merged request, so nobody has seen its plan`, EXIT.refused);
  const known = await host.find(request, marker(name));
  const agreed = known === null ? null : digestIn(known.body);
  if (agreed === null) return fail(`${name}: request ${request} has no plan that can be applied`, EXIT.refused);
  const timeout = env.OTTER_CI_TIMEOUT ? ['--timeout', env.OTTER_CI_TIMEOUT] : [];
  // Held against the digest by otter itself, under its lock.
  const applied = await otter(['apply', ...topology, '--expect', agreed, ...timeout], { show: true });
  const text =
    applied.code === EXIT.stale
      ? `### otter: ${name}\n\n**Not applied:** the plan that was reviewed (\`${agreed.slice(0, 12)}\`) is not what would happen now (\`${present.slice(0, 12)}\`): something was applied in between, or the merge is not what was planned. Plan again in a new request.\n`
      : `### otter: ${name}\n\n**${applied.code === EXIT.done ? 'Applied.' : `Ended with ${applied.code}.`}**\n\n<details><summary>Output</summary>\n\n${fenced(tail(applied.out + applied.err))}\n</details>\n`;
  summary(text);
  // What was agreed to is used up.
  await say(host, request, text, null);
  return applied.code;
}

async function say(host, request, text, digest) {
  const { commit, link, limit } = host;
  const body = comment({ topology: name, text: withoutSecrets(text, env), digest, commit, link, limit });
  await host.put(request, await host.find(request, marker(name)), body);
}

/** Its output is shown where `show` says so, and what it has to say beside unless `quiet`; it never asks. */
function otter(args, { show = false, quiet = false } = {}) {
  const bin = env.OTTER_CI_BIN || fileURLToPath(new URL('../bin/otter', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(bin, [...args, '--no-color'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => {
      out += data;
      if (show) process.stdout.write(data);
    });
    child.stderr.on('data', (data) => {
      err += data;
      if (!quiet) process.stderr.write(data);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? EXIT.error, out, err }));
  });
}

function fenced(text) {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text.trimEnd()}\n${fence}\n`;
}

const LINE_CHARS_MAX = 1_000;

/** Of what an apply says the end is what counts; of a line its beginning. */
function tail(text) {
  const lines = text
    .split('\n')
    .map((line) => (line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line));
  const shorter = lines.join('\n');
  return shorter.length <= 20_000 ? shorter : `…\n${shorter.slice(shorter.indexOf('\n', shorter.length - 20_000) + 1)}`;
}

/** One word for a path and an environment, and another for others. */
function wordOf(parts) {
  const word = parts.join(' ').replaceAll(/[^\w./]+/g, '-');
  // Where letters were lost two paths may have become one.
  const lost = parts.some((part) => /[^\w./-]/.test(part));
  return lost ? `${word}-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8)}` : word;
}

function summary(text) {
  if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, withoutSecrets(text, env));
}

function done(message) {
  process.stdout.write(`${message}\n`);
  return EXIT.done;
}

function fail(message, code, more = '') {
  process.stderr.write(withoutSecrets(`otter-ci: ${message}\n${more}`, env));
  return code;
}

const commands = { review, apply };
const [command] = process.argv.slice(2);
try {
  const run = Object.hasOwn(commands, command ?? '') ? commands[command] : null;
  process.exitCode =
    run === null
      ? fail('usage: otter-ci.mjs review|apply', EXIT.usage)
      : await run(hostOf(env, (path) => readFileSync(path, 'utf8')));
} catch (error) {
  process.exitCode = fail(error.message, EXIT.error);
}
