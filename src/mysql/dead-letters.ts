/** `otter.dead_letter` of a server, read by whoever wants to know what was set aside. */
import type { LetterReader } from '../model/dead-letter.ts';
import type { DatabaseServer } from './database-server.ts';
import { type LetterRow, letterList, letterOf, letterOne, listedOf } from './dead-letter-rows.ts';
import { type InspectOptions, inTime } from './inspect.ts';
import { qualified, quoteText } from './sql.ts';

/** @throws OtterError OT4001, OT4003, OT4004, OT4005, OT4008 */
export async function openLetters(server: DatabaseServer, options: InspectOptions): Promise<LetterReader> {
  const step = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => inTime(server, options, work);
  const session = await step((signal) => server.connect({ signal }));
  const named = `TABLE_SCHEMA = ${quoteText(options.schema)} AND TABLE_NAME = 'dead_letter'`;
  const from = qualified({ schema: options.schema, name: 'dead_letter' });
  const ask = (sql: string): Promise<LetterRow[]> =>
    step(async (signal) => {
      const end = (): void => session.destroy();
      signal.addEventListener('abort', end, { once: true });
      try {
        // A database that no node of this version owned yet has none.
        const found = await session.rows(`SELECT 1 AS one FROM information_schema.TABLES WHERE ${named}`);
        return found.length > 0 ? await session.rows<Record<string, string>>(sql) : [];
      } finally {
        signal.removeEventListener('abort', end);
      }
    });
  return {
    list: async (query) => (await ask(letterList(from, query))).map(listedOf),
    one: async (id) => (await ask(letterOne(from, id))).map(letterOf)[0] ?? null,
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}
