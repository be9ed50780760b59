/** From the text of `--state` to a state store. What the address says about credentials is never shown again. */
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { etcdStore } from './etcd.ts';
import type { EtcdAddress } from './etcd-client.ts';
import { memoryStore } from './memory.ts';
import { sqliteStore } from './sqlite.ts';

export type StoreAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'etcd'; readonly etcd: EtcdAddress };

/**
 * Opens without connecting, but for a file.
 * @param options with `make: false`, a file that is not there is made by the first write
 * @throws OtterError OT3002, OT3006
 */
export function openStore(url: string, options: { readonly make?: boolean } = {}): StateStore {
  const address = parseStoreUrl(url);
  switch (address.kind) {
    case 'file':
      return sqliteStore(address.path, options);
    case 'memory':
      return memoryStore();
    case 'etcd':
      return etcdStore(address.etcd);
    default:
      return address satisfies never;
  }
}

/** @throws OtterError OT3002; the message shows no credentials. */
export function parseStoreUrl(url: string): StoreAddress {
  if (url === 'memory:') return { kind: 'memory' };
  if (url.startsWith('file:')) {
    const path = url.slice('file:'.length);
    if (path === '') throw notUnderstood(url, 'the path of the file is missing');
    return { kind: 'file', path };
  }
  // Such a password would look like a host, or like what comes behind one, and be shown.
  if (/^etcds?:\/\/[^@]*[/?#][^@]*@/.test(url.replace(/\?(?:ca|cert|key)=.*$/s, '')))
    throw notUnderstood(url, 'in user and password / is written %2F, ? %3F and # %23');
  const etcd = /^(etcds?):\/\/(?:([^/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/.exec(url);
  if (etcd === null) {
    const why = /^etcds?:/.test(url)
      ? 'behind it come user:password@ or nothing, and host:port'
      : 'it begins with none of file:, memory:, etcd://, etcds://';
    throw notUnderstood(url, why);
  }
  const [, scheme, credentials, hostList, query] = etcd;
  const hosts = hostList!.split(',');
  const bad = hosts.find((host) => {
    const [, , port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})$/.exec(host) ?? [];
    return port === undefined || Number(port) < 1 || Number(port) > 65_535;
  });
  if (bad !== undefined) throw notUnderstood(url, `${JSON.stringify(bad)} is not host:port`);
  const tls = scheme === 'etcds' ? tlsOf(url, query ?? '') : null;
  if (tls === null && query !== undefined) throw notUnderstood(url, 'only etcds:// takes ?ca=, cert= and key=');
  return {
    kind: 'etcd',
    etcd: { hosts, tls, auth: authOf(url, credentials), shown: `${scheme}://${hosts.join(',')}` },
  };
}

function tlsOf(url: string, query: string): NonNullable<EtcdAddress['tls']> {
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => !['ca', 'cert', 'key'].includes(name));
  if (unknown !== undefined) throw notUnderstood(url, `?${unknown}= is not one of ca, cert, key`);
  const tls = { ca: parameters.get('ca'), cert: parameters.get('cert'), key: parameters.get('key') };
  if ((tls.cert === null) !== (tls.key === null)) throw notUnderstood(url, '?cert= and key= belong together');
  if (tls.cert !== null && tls.ca === null) throw notUnderstood(url, '?cert= needs ca= too');
  return tls;
}

function authOf(url: string, credentials: string | undefined): EtcdAddress['auth'] {
  if (credentials === undefined) return null;
  const colon = credentials.indexOf(':');
  if (colon < 1) throw notUnderstood(url, 'credentials are written user:password@');
  try {
    return {
      username: decodeURIComponent(credentials.slice(0, colon)),
      password: decodeURIComponent(credentials.slice(colon + 1)),
    };
  } catch {
    throw notUnderstood(url, 'a % in user or password must be written %25');
  }
}

function notUnderstood(url: string, why: string): OtterError {
  const shown = url.replace(/\/\/.*@/s, '//');
  return new OtterError(
    'OT3002',
    `the address of the state store is not understood: ${JSON.stringify(shown)}; ${why}`,
    {
      hint: 'Write file:.otter/state.db, memory:, etcd://host:2379,host2:2379 or etcds://host:2379?ca=/path/ca.pem.',
    },
  );
}
