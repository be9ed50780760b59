/** One way to tell each kind of receiver. Secrets are resolved here, on the node, each time: one that was changed counts at once. */
import type { Notice } from '../model/alerts/notice.ts';
import type { EmailSpec, ReceiverSpec, SecretRef } from '../model/topology.ts';
import { runCommand } from './command.ts';
import { sendMail } from './email.ts';
import { postNotice, postToSlack } from './webhook.ts';

export interface ReceiverOptions {
  readonly resolve: (reference: SecretRef) => string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** How long one may take. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 15_000;

/** Tells one receiver. @throws OtterError OT8150 to OT8154, OT3020 when a reference gives nothing */
export async function tell(
  receiver: ReceiverSpec,
  notice: Notice,
  { resolve, env, version, timeoutMs = TIMEOUT_MS }: ReceiverOptions,
  signal: AbortSignal,
): Promise<void> {
  if ('webhook' in receiver)
    return postNotice(resolve(receiver.webhook).trim(), notice, { version, timeoutMs, signal });
  if ('slack' in receiver) return postToSlack(resolve(receiver.slack).trim(), notice, { version, timeoutMs, signal });
  if ('email' in receiver) return sendMail(mailingOf(receiver.email, resolve, timeoutMs), notice);
  const { command } = receiver;
  return runCommand(typeof command === 'string' ? [command] : command, notice, { env, timeoutMs, signal });
}

function mailingOf(
  email: EmailSpec,
  resolve: ReceiverOptions['resolve'],
  timeoutMs: number,
): Parameters<typeof sendMail>[0] {
  const { to, from = null, server = 'localhost:25', user, password } = email;
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(server) ?? [];
  return {
    to: typeof to === 'string' ? [to] : to,
    from,
    host: host ?? server,
    port: Number(port ?? 25),
    login: user === undefined || password === undefined ? null : { user, password: resolve(password) },
    timeoutMs,
  };
}
