/**
 * Whether a statement changed a table's columns: what is read of the log against what the server did. Statements are
 * made at random of what may stand in an ALTER TABLE, with comments, quotes and settings that hide or show parts of it.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Statement } from '../../src/model/ports.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { definitions } from '../../src/replication/structure-change.ts';
import { access, type Context, type Family, open, readToEnd } from './context.ts';

const STATEMENTS = Number(process.env['OTTER_TEST_ALTERS'] ?? 400);
const TABLE =
  'CREATE TABLE d.f (id INT PRIMARY KEY, v INT, w INT, x VARCHAR(10), y VARCHAR(10)) DEFAULT CHARSET=utf8mb4';

const name = fc.constantFrom('v', 'w', '`v`', '"v"', '`w`');
const place = fc.constantFrom('', ' FIRST', ' AFTER id', ' AFTER x', ' AFTER /* v, */ `y`');
const inside = fc
  .array(fc.constantFrom("''", '""', '"', "\\'", '\\"', '\\\\', ', MODIFY v INT FIRST', '`', '-- ', '/*', '*/', '#'), {
    maxLength: 4,
  })
  .map((parts) => parts.join(''));
const text = fc.tuple(inside, fc.constantFrom("'", '"')).map(([said, quote]) => `${quote}${said}${quote}`);

const keeping = fc.oneof(
  text.map((said) => `COMMENT ${said}`),
  text.map((said) => `COMMENT=${said} ROW_FORMAT=DYNAMIC`),
  fc.constantFrom('ENGINE=InnoDB', 'FORCE', 'AUTO_INCREMENT=9', 'ADD INDEX (v)', 'ADD KEY (w, v)', 'ALGORITHM=COPY'),
  fc.constantFrom('ADD CONSTRAINT CHECK (v > 1 OR v < 2)', 'DROP PRIMARY KEY', 'ADD UNIQUE (x, v)', 'ENABLE KEYS'),
);
const changing = fc.oneof(
  fc.tuple(name, place).map(([column, where]) => `MODIFY ${column} INT${where}`),
  fc.tuple(name, text, place).map(([column, said, where]) => `MODIFY COLUMN ${column} INT COMMENT ${said}${where}`),
  fc.tuple(name, name, place).map(([column, other, where]) => `CHANGE ${column} ${other} BIGINT${where}`),
  place.map((where) => `ADD n INT${where}`),
  fc.constantFrom('ADD COLUMN (n INT, m INT)', 'DROP v', 'DROP COLUMN IF EXISTS w', 'DROP `x`', 'RENAME COLUMN v TO z'),
  fc.constantFrom('CONVERT TO CHARACTER SET latin1', 'DROP v, ADD v INT', 'RENAME COLUMN v TO w, RENAME COLUMN w TO v'),
);
const hidden = (action: string) =>
  fc.constantFrom(
    action,
    action,
    action,
    `/*! ${action} */`,
    `/*M! ${action} */`,
    `/*!50600 ${action} */`,
    `/*!80000 ${action} */`,
    `/*!100300 ${action} */`,
    `/*M!100300 ${action} */`,
  );
const action = fc.oneof({ arbitrary: keeping, weight: 3 }, { arbitrary: changing, weight: 1 });
const next = action.chain((one) =>
  fc.oneof(
    { arbitrary: hidden(one).map((said) => `, ${said}`), weight: 3 },
    { arbitrary: hidden(`, ${one}`), weight: 2 },
    fc.constant(` ${one}`),
    fc.constantFrom(` -- , ${one}\n`, ` /* , ${one} */`, ` # , ${one}\n`, ` --${one}`),
  ),
);
const VERBS = ['ALTER TABLE d.f', 'alter table `d`.f', 'ALTER /* a, */ TABLE f', 'ALTER TABLE d . f'];
const MARIADB_VERBS = [
  ...VERBS,
  'ALTER IGNORE TABLE f',
  'ALTER ONLINE TABLE d . f',
  'ALTER TABLE f NOWAIT',
  'ALTER TABLE f WAIT 5',
];
const before = fc.constantFrom('', '', '', ' /*M!100300 NOWAIT */', ' /*M! WAIT 5 */');
const statements = (family: Family) =>
  fc
    .tuple(
      fc.constantFrom(...(family === 'mariadb' ? MARIADB_VERBS : VERBS)),
      before,
      action.chain(hidden),
      fc.array(next, { maxLength: 3 }),
    )
    .map(([verb, waits, first, more]) => `${verb}${waits} ${first}${more.join('')}`);
const mode = fc.subarray(['ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES']).map((modes) => modes.join(','));

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;
  beforeAll(async () => {
    context = await open(family);
  });
  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });

  test('a statement that changed columns is seen to change them', async () => {
    await using writer = await access(context.lab, context.lab.root).connect();
    await writer.run('USE d');
    const from = (await context.source.logEnd()).position;
    const done: { readonly sql: string; readonly mode: string; readonly changed: boolean }[] = [];
    let before = '';
    for (const [i, [text, modes]] of fc
      .sample(fc.tuple(statements(family), mode), {
        numRuns: STATEMENTS,
        seed: fc.readConfigureGlobal().seed ?? 1,
      })
      .entries()) {
      const sql = `/* ${i} */ ${text}`;
      if (before !== (await columns(writer)) || before === '') {
        await context.root.query(`DROP TABLE IF EXISTS d.f; ${TABLE}`);
        before = await columns(writer);
      }
      await writer.run(`SET sql_mode = '${modes}'`);
      // Many are wrong, which is no matter: what was not done is not in the log.
      const ran = await writer.run(sql).then(
        () => true,
        () => false,
      );
      if (ran) done.push({ sql, mode: modes, changed: (await columns(writer)) !== before });
    }
    const logged = (await readToEnd(context.source, { from })).filter(
      (item): item is Statement => item.kind === 'statement' && item.sql.startsWith('/* '),
    );
    // Told by their numbers: a server cuts and blots out parts of the text.
    expect(logged.map(({ sql }) => sql.split(' ', 2)[1])).toEqual(done.map(({ sql }) => sql.split(' ', 2)[1]));
    const said = logged.map((item) => definitions.changes(item, { schema: 'd', name: 'f' }));
    expect(done.filter(({ changed }, i) => changed && !said[i])).toEqual([]);
    // The test itself: many of both kinds ran, and what keeps columns is mostly known to.
    const kept = done.filter(({ changed }) => !changed);
    expect(done.length - kept.length).toBeGreaterThan(STATEMENTS / 20);
    expect(kept.length).toBeGreaterThan(STATEMENTS / 10);
    expect(done.filter(({ changed }, i) => !changed && !said[i]).length).toBeGreaterThan(kept.length / 2);
  }, 120_000);
});

async function columns(session: Session): Promise<string> {
  return JSON.stringify(
    await session.rows(
      "SELECT COLUMN_NAME AS n, COLUMN_TYPE AS t, COLLATION_NAME AS c FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 'f' ORDER BY ORDINAL_POSITION",
    ),
  );
}
