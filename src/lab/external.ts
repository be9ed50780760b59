/**
 * Servers that are named by address in the environment: `OTTER_TEST_MARIADB=mysql://root:password@host:port`, and the same
 * for `OTTER_TEST_MYSQL`; `OTTER_TEST_ETCD=etcd://host:port`. Each address is one server, lent to one taker at a time;
 * several are separated by commas, and when all are lent, private servers are started as usual.
 */
import { OtterError } from '../model/error.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface Loan {
  readonly address: Address;
  readonly letGo: () => void;
}

export type Variable = 'OTTER_TEST_MARIADB' | 'OTTER_TEST_MYSQL' | 'OTTER_TEST_ETCD';

const lent = new Set<string>();

/** @throws OtterError OT7105 */
export function borrow(variable: Variable): Loan | null {
  for (const text of (process.env[variable] ?? '').split(',').filter((part) => part.trim() !== '')) {
    const address = parseAddress(variable, text.trim());
    const key = `${variable} ${address.host}:${address.port}`;
    if (lent.has(key)) continue;
    lent.add(key);
    return { address, letGo: () => lent.delete(key) };
  }
  return null;
}

/** @throws OtterError OT7105, without repeating the text, which may hold a password. */
export function parseAddress(variable: Variable, text: string): Address {
  const [schemes, port] = variable === 'OTTER_TEST_ETCD' ? [['etcd:', 'http:'], 2379] : [['mysql:', 'mariadb:'], 3306];
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !schemes.includes(url.protocol) || url.hostname === '') {
    throw new OtterError('OT7105', `${variable} does not hold a server address`, {
      hint: `write it as ${variable}=${variable === 'OTTER_TEST_ETCD' ? 'etcd://host:2379' : 'mysql://root:password@host:3306'}`,
    });
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? port : Number(url.port),
    user: decodeURIComponent(url.username) || 'root',
    password: decodeURIComponent(url.password),
  };
}
