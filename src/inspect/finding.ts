/** What the rooms of this wing find: a finding, and which part of the topology it is about. */
import type { Code } from '../model/codes.ts';
import type { Severity } from '../model/diagnostic.ts';
import type { OtterError } from '../model/error.ts';

/** An object of the topology and the attribute of it that is underlined. */
export interface FindingPlace {
  /** `database.hz`, `channel.shop`. */
  readonly address: string;
  readonly path: readonly (string | number)[];
}

export interface LiveFinding {
  readonly code: Code;
  readonly severity: Severity;
  readonly summary: string;
  readonly detail: string;
  readonly at: FindingPlace;
}

/** What of a database has to be changed. */
type DatabaseKey = 'endpoints' | 'engine' | 'user' | 'password' | 'tls';

export function ofDatabase(name: string, key: DatabaseKey): FindingPlace {
  return { address: `database.${name}`, path: [key] };
}

export function ofTable(channel: string, entry: number): FindingPlace {
  return { address: `channel.${channel}`, path: ['tables', entry] };
}

const KEY_OF_CODE: Readonly<Record<string, DatabaseKey>> = {
  OT3020: 'password',
  OT4003: 'user',
  OT4008: 'tls',
  OT4022: 'user',
};

/** What `--live` adds, since it asks from where it runs and not from where nodes do. */
const FROM_HERE: Readonly<Record<string, string>> = {
  OT3020: '`--live` needs the password here, where it runs.',
  OT4001: '`--live` asks from here, where it runs: check that the server does too, and that host and port lead to it.',
};

/** A database that could not be asked. */
export function notAsked(database: string, error: OtterError): LiveFinding {
  const endpoint = error.where['endpoint'];
  const at = endpoint === undefined ? '' : ` at ${endpoint}`;
  return {
    code: error.code,
    severity: 'error',
    summary: `database \`${database}\`${at}: ${error.message}`,
    detail: FROM_HERE[error.code] ?? sentence(error.hint),
    at: ofDatabase(database, KEY_OF_CODE[error.code] ?? 'endpoints'),
  };
}

/** Hints are written to stand alone or after others. */
export function sentence(text = ''): string {
  if (text === '') return '';
  return `${text[0]!.toUpperCase()}${text.slice(1)}${/[.`;]$/.test(text) ? '' : '.'}`;
}
