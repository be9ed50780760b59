/** Work on many things, some of it side by side and no more. */

/** @throws what the first of them to fail fails with, when those that were begun have ended */
export async function abreast<T>(items: Iterable<T>, most: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items[Symbol.iterator]();
  let failed: { readonly error: unknown } | null = null;
  const one = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true && failed === null; next = left.next()) {
      await work(next.value).catch((error: unknown) => {
        failed ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: most }, one));
  const first = failed as { readonly error: unknown } | null;
  if (first !== null) throw first.error;
}
