/** Changes of the serialiser's tables that a spoke has not seen: told by their number, and forgotten once it has. */
import { expect, test } from 'vitest';
import { SITE_PRIORITY } from '../../src/model/pipeline.ts';
import type { Statement } from '../../src/model/ports.ts';
import { parsePosition } from '../../src/model/position.ts';
import { UnseenChanges } from '../../src/site/unseen-changes.ts';
import { shape } from '../replication/model.ts';

const T = { schema: 's', name: 't' };

function statement(seq: number, plain: string, added: Readonly<Record<string, string>> | null = null): Statement {
  const past = { shape: shape({ ...T, columns: [] }), create: '' };
  const found = { ...T, before: past, after: past, doubt: null, between: { obstacle: null, added: added ?? {} } };
  const history = { tables: [found], renamed: {}, dropped: [] };
  const common = { kind: 'statement', schema: 's', sql: plain, plain, commitUs: 0, passed: [] } as const;
  const statementAt = { ...common, gtid: `0-1-${seq}`, position: `mariadb:0-1-${seq}` };
  return added === null ? statementAt : { ...statementAt, history };
}

function begun(): UnseenChanges {
  const changes = new UnseenChanges({ ruleOf: () => SITE_PRIORITY });
  changes.begin(parsePosition('mariadb:0-1-5'));
  return changes;
}

test('a table has changed when their number has, whatever the case of its letters, and by its schema', () => {
  const changes = begun();
  const at = [changes.count(T)];
  for (const plain of [
    'ALTER TABLE `S`.T ADD a INT',
    'CREATE INDEX i ON t (a)',
    'DROP DATABASE s',
    'DROP TABLE u, t',
  ]) {
    changes.note(statement(10, plain));
    at.push(changes.count(T));
  }
  expect(at).toEqual([0, 1, 2, 3, 4]);
  changes.note(statement(11, 'ALTER TABLE s.u ADD a INT'));
  changes.note(statement(12, 'GRANT SELECT ON s.t TO x'));
  expect(changes.count(T)).toBe(4);
});

test('what new columns hold is of the statements that made them, until the spoke has seen them', () => {
  const changes = begun();
  changes.note(statement(4, 'ALTER TABLE s.t ADD z INT', { z: '9' }));
  const seven = statement(7, 'ALTER TABLE s.t ADD c INT', { c: '7' });
  changes.note(seven);
  changes.note(seven);
  changes.note(statement(8, 'ALTER TABLE s.t ADD d INT', { d: "'x'" }));
  expect(changes.of(T)).toHaveLength(2);
  expect(changes.fills(T)).toEqual({ c: '7', d: "'x'" });
  changes.seen(parsePosition('mariadb:0-1-7'));
  expect(changes.fills(T)).toEqual({ d: "'x'" });
  changes.seen(parsePosition('mariadb:0-1-8'));
  expect(changes.of(T)).toEqual([]);
});

test('of which the history is not known cannot be carried', () => {
  const changes = begun();
  changes.note(statement(7, 'ALTER TABLE s.t ADD c INT'));
  expect(changes.of(T)[0]).toMatchObject({ said: 'ALTER TABLE', obstacle: expect.stringContaining('not known') });
});
