/**
 * What a statement in the log is: control of a transaction, a change of rows that should have been logged as rows, or
 * a definition (DDL and whatever else commits by itself). Told by the first words of its plain text.
 */

export type StatementKind =
  | { readonly kind: 'begin' }
  | { readonly kind: 'commit' }
  /** A savepoint that takes nothing back. */
  | { readonly kind: 'savepoint' }
  /** ROLLBACK and ROLLBACK TO: something that stands in the log did not happen. */
  | { readonly kind: 'rollback' }
  | { readonly kind: 'xa' }
  | { readonly kind: 'rows'; readonly verb: string }
  /** Of temporary tables, which no other session sees. */
  | { readonly kind: 'temporary' }
  | { readonly kind: 'definition' };

const ROW_VERBS = new Set([
  ...['insert', 'update', 'delete', 'replace', 'load', 'with', 'select', 'call', 'do', 'values', 'table', 'handler'],
  'merge',
]);

const TEMPORARY = /^(create|drop)(\s+or\s+replace)?\s+temporary\b/i;

/** @param plain as `plainSql` writes it */
export function statementKind(plain: string): StatementKind {
  const text = plain.replace(/^[\s(;]+/, '');
  const verb = /^[a-z]+/i.exec(text)?.[0].toLowerCase() ?? '';
  switch (verb) {
    case 'begin':
      return BEGIN;
    case 'start':
      return /^start\s+transaction/i.test(text) ? BEGIN : DEFINITION;
    case 'commit':
      return COMMIT;
    case 'rollback':
      return { kind: 'rollback' };
    case 'savepoint':
    case 'release':
      return { kind: 'savepoint' };
    case 'xa':
      return { kind: 'xa' };
    case 'set': {
      // MariaDB: SET STATEMENT variable = value FOR statement
      const inner = /^set\s+statement\s.*?\sfor\s+(.*)$/is.exec(text)?.[1];
      return inner === undefined ? DEFINITION : statementKind(inner);
    }
    case 'create':
    case 'drop':
      return TEMPORARY.test(text) ? { kind: 'temporary' } : DEFINITION;
    default:
      return ROW_VERBS.has(verb) ? { kind: 'rows', verb: verb.toUpperCase() } : DEFINITION;
  }
}

const BEGIN: StatementKind = { kind: 'begin' };
const COMMIT: StatementKind = { kind: 'commit' };
const DEFINITION: StatementKind = { kind: 'definition' };
