/**
 * Statements in the log: control of transactions, changes that should have been logged as rows, and definitions.
 *
 * Rule kept: a change of which the log has only the statement is passed over only when it can reach no wanted table.
 */
import type { OtterError } from '../model/error.ts';
import type { PlainStatement, ReadLogOptions, StatementHistory } from '../model/ports.ts';
import { tableName } from '../model/row.ts';
import type { QueryEvent } from './events.ts';
import type { Defining } from './history.ts';
import { rolledBack, statementFormat, unknownCharset, unsupported } from './log-refusals.ts';
import type { TellUnreadable } from './logged-rows.ts';
import { type Dialect, plainSql, saidSql } from './plain-sql.ts';
import { likeliest, type NamedTable, namesIn } from './reach.ts';
import { statementKind } from './statement.ts';
import type { Transactions } from './transaction.ts';

export interface LoggedStatementsOptions {
  readonly wants: ReadLogOptions['wants'];
  readonly transactions: Transactions;
  readonly unreadable: TellUnreadable;
  /** Whether tables whose history is kept may be changed by it. */
  readonly concerns: (statement: PlainStatement) => boolean;
  /** A definition is passed. */
  readonly defined: (statement: PlainStatement, history: StatementHistory | null) => void;
}

/** What must be known before a statement is taken: what a change of these names may touch, or what it made of tables. */
export type Asked =
  | { readonly kind: 'reach'; readonly names: readonly NamedTable[] }
  | { readonly kind: 'history'; readonly statement: Defining };

const KNOWN_REACHES_MAX = 1000;

export class LoggedStatements {
  readonly #options: LoggedStatementsOptions;
  /** Wanted tables that statements with these names may touch, null for any; emptied at every definition. */
  readonly #reaches = new Map<string, readonly NamedTable[] | null>();

  /** Of the statement that is taken next. */
  #history: StatementHistory | null = null;

  constructor(options: LoggedStatementsOptions) {
    this.#options = options;
  }

  /** @param reach everything that a change of these names may touch; null when it cannot be told */
  provideReach(names: readonly NamedTable[], reach: readonly NamedTable[] | null): void {
    if (this.#reaches.size >= KNOWN_REACHES_MAX) this.#reaches.clear();
    this.#reaches.set(reachKey(names), reach === null ? null : this.#wanted(reach));
  }

  /** What the statement that was asked of made of tables. */
  provideHistory(history: StatementHistory): void {
    this.#history = history;
  }

  /** @throws what `why` says when parts of the transaction have been handed on already */
  #takeBack(why: (tables: string) => OtterError): void {
    const tables = this.#options.transactions.takeBack();
    if (tables === null) throw why('replicated tables');
    if (tables.length > 0) this.#options.unreadable(tables, why(tables.map(tableName).join(', ')));
  }

  /** Returns what must be known first, or null. */
  take({ schema, text, quoting }: QueryEvent, dialect: Dialect, endsAt: number): Asked | null {
    const { transactions } = this.#options;
    if (text.kind === 'unknown') {
      this.#options.unreadable(null, unknownCharset(text.charset));
      transactions.passStatement();
      return null;
    }
    const sql = text.text;
    // The two that nearly every statement in a log is.
    if (sql === 'BEGIN') {
      transactions.keepOpen();
      return null;
    }
    if (sql === 'COMMIT') {
      transactions.commit(endsAt);
      return null;
    }
    const plain = plainSql(sql, quoting, dialect);
    const found = statementKind(plain);
    switch (found.kind) {
      case 'begin':
        transactions.keepOpen();
        return null;
      case 'commit':
        transactions.commit(endsAt);
        return null;
      case 'savepoint':
        return null;
      case 'rollback':
        this.#takeBack(rolledBack);
        if (!/\bto\b/i.test(plain)) transactions.end();
        return null;
      case 'xa':
        // Servers write theirs in one way only (`logged-xa.ts`).
        throw unsupported('an XA statement in words that are not known', null);
      case 'rows':
        return this.#unlogged(namesIn(plain, schema), found.verb, plain);
      case 'temporary':
        transactions.passStatement();
        return null;
      case 'definition':
        return this.#define({ schema, sql, plain }, () => saidSql(sql, quoting, dialect), endsAt);
      default:
        return found satisfies never;
    }
  }

  #define(statement: { schema: string; sql: string; plain: string }, said: () => string, endsAt: number): Asked | null {
    const { transactions, concerns, defined } = this.#options;
    const gtid = transactions.gtid;
    const history = this.#history;
    if (history === null && gtid !== null && concerns(statement)) {
      const { schema, plain } = statement;
      return { kind: 'history', statement: { schema, plain, gtid, said: said() } };
    }
    this.#history = null;
    this.#reaches.clear();
    defined(statement, history);
    transactions.addStatement(history === null ? statement : { ...statement, history }, endsAt);
    return null;
  }

  /** Rows were changed and are not in the log: passed only when no wanted table can be among them. */
  #unlogged(names: readonly NamedTable[], verb: string, plain: string): Asked | null {
    const named = this.#wanted(names);
    const wanted = named.length > 0 ? named : this.#reaches.get(reachKey(names));
    if (wanted === undefined) return { kind: 'reach', names };
    if (wanted === null || wanted.length > 0)
      this.#options.unreadable(wanted, statementFormat(verb, wanted === null ? null : likeliest(wanted, plain)));
    this.#options.transactions.passStatement();
    return null;
  }

  #wanted(tables: readonly NamedTable[]): readonly NamedTable[] {
    return tables.filter(({ schema, name }) => this.#options.wants(schema, name));
  }
}

function reachKey(names: readonly NamedTable[]): string {
  return names.map(({ schema, name }) => `${schema}\0${name}`).join('\n');
}
