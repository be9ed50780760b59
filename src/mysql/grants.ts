/** Who a session is, and what the server says that account may do. */
import type { Account, Grant } from '../model/privileges.ts';
import type { Session } from './connection.ts';

export async function readAccount(session: Session): Promise<Account> {
  const rows = await session.rows<Record<string, string>>('SHOW GRANTS');
  const [current] = await session.rows<{ user: string }>('SELECT CURRENT_USER() AS user');
  const { user } = current!;
  const at = user.lastIndexOf('@');
  const texts = rows.map((row) => Object.values(row)[0] ?? '');
  return {
    name: `'${user.slice(0, at)}'@'${user.slice(at + 1)}'`,
    grants: texts.flatMap(parseGrant),
    roles: texts.some((text) => !text.toUpperCase().includes(' ON ')),
  };
}

/** One line of SHOW GRANTS; rights on single columns and on routines are no rights on tables. */
export function parseGrant(text: string): Grant[] {
  const found = GRANT.exec(text)?.groups;
  if (found === undefined) return [];
  const { list, schema, table } = found as { list: string } & Partial<Record<'schema' | 'table', string>>;
  const privileges = list
    .replace(/[A-Z ]+\([^)]*\)/gi, '')
    .split(',')
    .map((privilege) => privilege.trim().toUpperCase())
    .filter((privilege) => privilege !== '')
    .map((privilege) => (privilege === 'ALL' ? 'ALL PRIVILEGES' : privilege));
  return [{ privileges, schema: nameOf(schema), table: nameOf(table) }];
}

const NAME = '\\*|`(?:[^`]|``)+`';
const GRANT = new RegExp(`^GRANT (?<list>.+?) ON (?:TABLE )?(?<schema>${NAME})\\.(?<table>${NAME}) TO `, 's');

function nameOf(text = '*'): string | null {
  return text === '*' ? null : text.slice(1, -1).replaceAll('``', '`');
}
