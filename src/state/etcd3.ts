/** The library that speaks to etcd. It takes longer to load than most commands take in all, so it is loaded by the first store that needs it. */
import { createRequire } from 'node:module';

type Library = typeof import('etcd3');

let library: Library | null = null;

export function etcd3(): Library {
  library ??= createRequire(import.meta.url)('etcd3') as Library;
  return library;
}
