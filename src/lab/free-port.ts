/**
 * Ports nobody listens on. They are taken outside the range from which the system hands out local ports: a client that keeps
 * dialling a stopped server on a port of that range will, once in some thousand times, be given that very port and be
 * connected to itself, and the server cannot come back to it.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 15_000;
const ATTEMPTS = 50;

/** A port that was free a moment ago; who loses the race for it asks again. */
export async function freePort(): Promise<number> {
  const highest = firstEphemeralPort() - 1;
  for (let attempt = 0; highest > LOWEST && attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (highest - LOWEST));
    if ((await bind(port)) !== null) return port;
  }
  const port = await bind(0);
  if (port === null) throw new Error('no free port on 127.0.0.1');
  return port;
}

function firstEphemeralPort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]);
  } catch {
    // The range that IANA names, which systems without /proc keep.
    return 49_152;
  }
}

/** The port bound and let go again, or null when it is taken. */
async function bind(port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}
