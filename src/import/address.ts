/** `mysql://user@host:port/schema`, as `otter import` takes it, with a name in front where one is wanted: `hz=mysql://…`. */
import { OtterError } from '../model/error.ts';
import type { ServerAddress } from '../model/importing.ts';

export interface NamedAddress {
  /** What stood before `=`; null: a name is to be found. */
  readonly name: string | null;
  readonly address: ServerAddress;
}

const EXAMPLE = 'mysql://otter@10.0.0.5:3306/';

/** A password in it is refused: it would be in the shell's history. @throws OtterError OT7001, without the text */
export function parseAddress(flag: string, text: string): NamedAddress {
  const [, name, rest] = /^(?:([a-z][a-z0-9_-]{0,62})=)?(.*)$/s.exec(text) ?? [];
  const wrong = (why: string): OtterError =>
    new OtterError('OT7001', `${flag}: ${why}`, { hint: `For example: otter import ${flag} ${EXAMPLE}` });
  let url: URL;
  try {
    url = new URL(rest ?? '');
  } catch {
    throw wrong('it is not an address of a server');
  }
  if (url.protocol !== 'mysql:' && url.protocol !== 'mariadb:') throw wrong('it must begin with mysql://');
  if (url.password !== '') {
    throw new OtterError('OT7001', `${flag}: a password has no place in an address, which other people can see`, {
      hint: `Leave it out and give it in the environment, or when you are asked.`,
    });
  }
  if (url.username === '') throw wrong('it names no user');
  if (url.hostname === '') throw wrong('it names no host');
  const schema = decode(url.pathname.slice(1));
  return {
    name: name ?? null,
    address: {
      // An IPv6 address stands in brackets there.
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 3306 : Number(url.port),
      user: decode(url.username),
      schema: schema === '' ? null : schema,
    },
  };
}

/** As a topology's `endpoints` spell it. */
export function endpointOf({ host, port }: Pick<ServerAddress, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
