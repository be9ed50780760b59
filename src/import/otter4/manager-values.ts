/** Values as the manager's columns and its JSON, written by several versions of Java classes, have them. Nothing here throws. */
import type { Address, CanalPosition } from './manager.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function id(value: string | number | null | undefined): number {
  return Number(value ?? 0);
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** Addresses of the JSON of Java's sockets, in the forms that several versions of it wrote. */
export function address(said: unknown): Address | null {
  if (typeof said === 'string') return hostAndPort(said.replace(/^[^/]*\//, ''));
  const { address: host, hostName, hostname, port } = fields(said);
  const name = (text(host) || text(hostName) || text(hostname)).replace(/^\//, '');
  const at = hostAndPort(name);
  return at === null ? null : { host: at.host, port: Number(port ?? 3306) };
}

/** `host:port`, `[::1]:port` or a host alone; null for what is none of them. */
export function hostAndPort(given: string): Address | null {
  const text = given.trim();
  const [, six, name, port] =
    /^(?:\[([\da-f:.]+)\]|([a-z\d](?:[a-z\d._-]*[a-z\d])?))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = six ?? name ?? (/^[\da-f]*:[\da-f:.]*:[\da-f.]*$/i.test(text) ? text : undefined);
  const number = Number(port ?? 3306);
  return host === undefined || number < 1 || number > 65_535 ? null : { host, port: number };
}

/** The JSON of a canal's start position, or of a cursor in ZooKeeper. */
export function positionOf(given: string): CanalPosition[] {
  let said: Fields;
  try {
    said = fields(JSON.parse(given));
  } catch {
    return [];
  }
  // A cursor has it one level down, under a key that is spelled so there.
  const inner = fields(said['postion'] ?? said['position']);
  const at = Object.keys(inner).length > 0 ? inner : said;
  const number = (value: unknown): number | null => (typeof value === 'number' ? value : Number(text(value)) || null);
  return [
    {
      file: text(at['journalName']) || null,
      offset: number(at['position']),
      gtid: text(at['gtid']) || null,
      timestamp: number(at['timestamp']),
    },
  ];
}
