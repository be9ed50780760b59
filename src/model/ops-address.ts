/** Where a node serves its metrics and its health, over plain HTTP. */
import type { NodeSpec } from './topology.ts';

const ABOVE_LISTEN = 1_000;
const PORT_MAX = 65_535;

/** `host:port`; null: nowhere. Without `http` only this machine reaches it, one thousand above the port for peers. */
export function opsAddress({
  listen,
  http,
}: Pick<NodeSpec, 'listen'> & { readonly http?: string | undefined }): string | null {
  if (http === 'off') return null;
  if (http !== undefined) return http;
  const port = Number(listen.slice(listen.lastIndexOf(':') + 1));
  return port > 0 && port + ABOVE_LISTEN <= PORT_MAX ? `127.0.0.1:${port + ABOVE_LISTEN}` : null;
}
