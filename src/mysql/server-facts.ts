/** What kind of server this is, and where its log ends: the statements differ by family and version. */
import { OtterError } from '../model/error.ts';
import type { LogEnd, ServerFacts } from '../model/ports.ts';
import { formatPosition } from '../model/position.ts';
import type { Session } from './connection.ts';

export interface ServerKind extends ServerFacts {
  /** `[10, 11]`, `[9, 7]`. */
  readonly release: readonly [number, number];
  readonly folds: boolean;
}

export async function readFacts(session: Session): Promise<ServerKind> {
  const [row] = await session.rows<{
    version: string;
    comment: string;
    host: string;
    folder: string;
    port: number;
    id: number;
    folds: number;
  }>(
    `SELECT VERSION() AS version, @@version_comment AS comment, @@hostname AS host, @@datadir AS folder, @@port AS port, @@server_id AS id,
       @@lower_case_table_names = 1 AS folds`,
  );
  const version = row?.version ?? '';
  const family = /mariadb/i.test(`${version} ${row?.comment}`) ? 'mariadb' : 'mysql';
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  const release = [Number(major), Number(minor)] as const;
  return {
    family,
    version,
    release,
    folds: Number(row?.folds) === 1,
    identity: family === 'mysql' ? await serverUuid(session) : `${row?.host}:${row?.port}:${row?.folder}:${row?.id}`,
    logsCascades: family === 'mysql' && atLeast(release, 9, 6),
  };
}

async function serverUuid(session: Session): Promise<string> {
  const [row] = await session.rows<{ uuid: string }>('SELECT @@server_uuid AS uuid');
  return row?.uuid ?? '';
}

export function atLeast(release: readonly [number, number], major: number, minor: number): boolean {
  return release[0] > major || (release[0] === major && release[1] >= minor);
}

/**
 * The GTID position is read first, so that it never claims more than the point covers. Needs `multipleStatements`: a
 * loader waits for this with locks held, and one round trip is all it pays. MySQL may turn GTIDs on and off as it runs.
 */
export async function readLogEnd(session: Session, kind: ServerKind): Promise<LogEnd> {
  const mysql = kind.family === 'mysql';
  const asked = mysql
    ? '@@GLOBAL.gtid_executed AS position, @@GLOBAL.gtid_mode AS mode'
    : "@@GLOBAL.gtid_binlog_pos AS position, 'ON' AS mode";
  const [positions, ends] = await session.sets<Record<string, string>>(`SELECT ${asked}; ${logStatus(kind)}`, {
    timeoutMs: LOG_END_TIMEOUT_MS,
  });
  const end = ends?.[0];
  if (end === undefined) {
    throw new OtterError('OT4021', 'the server writes no binary log', {
      hint: 'start the server with `log_bin`',
      where: session.where,
    });
  }
  const point = { file: end['File'] ?? '', offset: Number(end['Position']) };
  const { position = '', mode } = positions?.[0] ?? {};
  const byFile = { family: 'file', ...point, server: kind.identity, made: null } as const;
  return {
    position: mode === 'ON' ? `${kind.family}:${position.replace(/\s+/g, '')}` : formatPosition(byFile),
    point,
  };
}

/** The statement that says where the log ends, and which schemas are not in it. */
export function logStatus({ family, release }: ServerKind): string {
  return family === 'mysql' && atLeast(release, 8, 2) ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
}

const LOG_END_TIMEOUT_MS = 20_000;
