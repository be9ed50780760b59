/** `otter alerts`: what fires and who was told; notices to see whether they arrive; and silence while somebody works on it. */
import {
  type AlertsState,
  addressIn,
  readAlerts,
  silenceAddresses,
  silence as silenceIt,
  trialAddresses,
  tried,
  unsilence as unsilenceIt,
} from '../executor/alert-desk.ts';
import { auditEntry } from '../executor/audit.ts';
import type { AlertsJson, SilencedJson, TrialJson } from '../model/alerts/alerts-json.ts';
import type { TrialRecord } from '../model/alerts/records.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { renderAlerts } from '../render/alerts.ts';
import { printable } from '../render/width.ts';
import { loadTopology } from '../topology/load.ts';
import { alertsJson } from './alerts-report.ts';
import { authorOf } from './author.ts';
import { type CommonOptions, type Context, colour, EXIT, storeToRead, topologyName } from './context.ts';

export interface AlertsOptions extends CommonOptions {
  /** Of a silence, in milliseconds. */
  readonly for?: number;
  readonly why?: string;
  readonly timeout?: number;
}

const TIMEOUT_MS = 60_000;
const SILENCE_MS_MAX = 90 * 86_400_000;

export async function alerts(
  context: Context,
  options: AlertsOptions,
  [what = 'list', address]: readonly (string | undefined)[],
): Promise<number> {
  if (what !== 'silence' && (options.for !== undefined || options.why !== undefined))
    throw usage(
      '--for and --why are for `otter alerts silence`',
      'otter alerts silence shop-lag --for 2h --why "move"',
    );
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const state = await readAlerts(store, topology, context.signal);
  if (what === 'list') return list(context, options, topology, state);
  if (address === undefined)
    throw usage(
      `what to ${what} is missing`,
      what === 'test' ? 'otter alerts test ops, or the name of an alert' : `otter alerts ${what} alert.shop-lag`,
    );
  if (what === 'test') return await test(context, options, store, topology, state, address);
  if (what === 'silence') return await silence(context, options, store, topology, state, address);
  return await unsilence(context, options, store, topology, state, address);
}

function list(context: Context, options: AlertsOptions, topology: string, state: AlertsState): number {
  const json: AlertsJson = alertsJson(topology, state, context.now());
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify(json, null, 2)}\n`
      : renderAlerts(json, { nowMs: context.now(), colour: colour(context, options) }),
  );
  return EXIT.done;
}

async function test(
  context: Context,
  options: AlertsOptions,
  store: StateStore,
  topology: string,
  { applied, alerts: specs }: AlertsState,
  text: string,
): Promise<number> {
  const address = addressIn(text, trialAddresses(applied));
  const name = address.slice(address.indexOf('.') + 1);
  const alert = address.startsWith('alert.') ? name : null;
  const receivers = alert === null ? [name] : (specs.get(alert)?.notify ?? []);
  if (receivers.length === 0)
    throw new OtterError('OT8155', `${address} tells nobody`, { hint: 'Give it `notify: [NAME]` and apply.' });
  const author = authorOf(context, options, 'alerts test');
  const id = context.parts.newId();
  const at = new Date(context.now()).toISOString();
  const record: TrialRecord = { alert, receivers, by: `${author.by}@${author.host}`, at, result: null, node: null };
  const audit = auditEntry(topology, author, context.now(), id);
  const timeoutMs = options.timeout ?? TIMEOUT_MS;
  const answer = await tried(store, topology, id, record, { audit, timeoutMs, signal: context.signal });
  if (answer === null) {
    context.stderr.write(
      `Error OT8156: no node has sent it after ${timeoutMs / 1000} s: \`otter status\` says which run\n`,
    );
    return EXIT.timeout;
  }
  const errors = receivers.map((receiver) => ({ name: receiver, error: answer.result?.[receiver] ?? null }));
  const json: TrialJson = { node: answer.node, receivers: errors };
  if (options.json === true) context.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  else for (const { name: one, error } of errors) context.stdout.write(`${testedLine(one, answer.node, error)}\n`);
  return errors.every(({ error }) => error === null) ? EXIT.done : EXIT.error;
}

function testedLine(receiver: string, node: string | null, error: TrialJson['receivers'][number]['error']): string {
  return error === null
    ? `${receiver} took the notice that node ${node} sent.`
    : printable(`${receiver} was not told by node ${node}: ${error.code} ${error.message}`);
}

async function silence(
  context: Context,
  options: AlertsOptions,
  store: StateStore,
  topology: string,
  { applied }: AlertsState,
  text: string,
): Promise<number> {
  const address = addressIn(text, silenceAddresses(applied));
  const { for: forMs, why } = options;
  if (forMs === undefined || why === undefined || why.trim() === '')
    throw usage('a silence has an end and a reason', `otter alerts silence ${address} --for 2h --why "index is built"`);
  if (forMs > SILENCE_MS_MAX)
    throw usage('a silence is at most 90 days', 'Take the alert out of the topology instead.');
  const author = authorOf(context, options, 'alerts silence');
  const untilMs = context.now() + forMs;
  const at = new Date(context.now()).toISOString();
  const record = { untilMs, by: author.by, host: author.host, at, why };
  const audit = auditEntry(topology, author, context.now(), context.parts.newId());
  await silenceIt(store, topology, address, record, audit);
  const until = new Date(untilMs).toISOString();
  say(context, options, { address, changed: true, until }, `${address} is silenced until ${until}.`);
  return EXIT.done;
}

async function unsilence(
  context: Context,
  options: AlertsOptions,
  store: StateStore,
  topology: string,
  { applied, silences }: AlertsState,
  text: string,
): Promise<number> {
  // Also of what has left the topology since.
  const address = addressIn(text, [...new Set([...silences.keys(), ...silenceAddresses(applied)])]);
  const present = silences.get(address);
  const audit = auditEntry(
    topology,
    authorOf(context, options, 'alerts unsilence'),
    context.now(),
    context.parts.newId(),
  );
  const changed = present !== undefined && (await unsilenceIt(store, topology, address, present.revision, audit));
  const said = changed ? `${address} is silenced no more.` : `${address} is not silenced.`;
  say(context, options, { address, changed, until: null }, said);
  return EXIT.done;
}

function say(context: Context, options: AlertsOptions, json: SilencedJson, text: string): void {
  context.stdout.write(options.json === true ? `${JSON.stringify(json)}\n` : `${text}\n`);
}

function usage(message: string, example: string): OtterError {
  return new OtterError('OT7001', message, { hint: `For example: ${example}` });
}
