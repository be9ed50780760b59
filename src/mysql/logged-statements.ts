/**
 * Statements in the log: control of transactions, changes that should have been logged as rows, and definitions.
 *
 * Rule kept: a change of which the log has only the statement is passed over only when it can reach no wanted table.
 */
import type { OtterError } from '../model/error.ts';
import type { PlainStatement, ReadLogOptions } from '../model/ports.ts';
import { tableName } from '../model/row.ts';
import type { QueryEvent } from './events.ts';
import { rolledBack, statementFormat, unknownCharset, unsupported } from './log-refusals.ts';
import type { TellUnreadable } from './logged-rows.ts';
import { type Dialect, plainSql } from './plain-sql.ts';
import { type NamedTable, namesIn } from './reach.ts';
import { statementKind } from './statement.ts';
import type { Transactions } from './transaction.ts';

export interface LoggedStatementsOptions {
  readonly wants: ReadLogOptions['wants'];
  readonly transactions: Transactions;
  readonly unreadable: TellUnreadable;
  /** A definition is passed. */
  readonly defined: (statement: PlainStatement) => void;
}

const KNOWN_REACHES_MAX = 1000;

export class LoggedStatements {
  readonly #options: LoggedStatementsOptions;
  /** Wanted tables that statements with these names may touch, null for any; emptied at every definition. */
  readonly #reaches = new Map<string, readonly NamedTable[] | null>();

  constructor(options: LoggedStatementsOptions) {
    this.#options = options;
  }

  /** @param reach everything that a change of these names may touch; null when it cannot be told */
  provideReach(names: readonly NamedTable[], reach: readonly NamedTable[] | null): void {
    if (this.#reaches.size >= KNOWN_REACHES_MAX) this.#reaches.clear();
    this.#reaches.set(reachKey(names), reach === null ? null : this.#wanted(reach));
  }

  /** @throws what `why` says when parts of the transaction have been handed on already */
  #takeBack(why: (tables: string) => OtterError): void {
    const tables = this.#options.transactions.takeBack();
    if (tables === null) throw why('replicated tables');
    if (tables.length > 0) this.#options.unreadable(tables, why(tables.map(tableName).join(', ')));
  }

  /** Returns the names of which must be known first what a change of them may touch, or null. */
  take({ schema, text, quoting }: QueryEvent, dialect: Dialect, endsAt: number): readonly NamedTable[] | null {
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
        return this.#unlogged(namesIn(plain, schema), found.verb);
      case 'temporary':
        transactions.passStatement();
        return null;
      case 'definition':
        this.#reaches.clear();
        this.#options.defined({ schema, plain });
        transactions.addStatement({ schema, sql, plain }, endsAt);
        return null;
      default:
        return found satisfies never;
    }
  }

  /** Rows were changed and are not in the log: passed only when no wanted table can be among them. */
  #unlogged(names: readonly NamedTable[], verb: string): readonly NamedTable[] | null {
    const named = this.#wanted(names);
    const wanted = named.length > 0 ? named : this.#reaches.get(reachKey(names));
    if (wanted === undefined) return names;
    if (wanted === null || wanted.length > 0) this.#options.unreadable(wanted, statementFormat(verb, wanted));
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
