/** Of the driver what `driver.ts` uses: the package has no types of its own. */
declare module 'oracledb' {
  interface DbType {
    readonly num: number;
  }
  interface BindDefinition {
    readonly type: DbType;
    readonly maxSize?: number;
  }
  interface Result {
    readonly rows?: readonly (readonly unknown[])[];
    readonly rowsAffected?: number;
    readonly dmlRowCounts?: readonly number[];
  }
  interface DriverConnection {
    clientId: string;
    module: string;
    callTimeout: number;
    execute(sql: string, binds: readonly unknown[], options: object): Promise<Result>;
    executeMany(sql: string, rows: readonly (readonly unknown[])[], options: object): Promise<Result>;
    commit(): Promise<void>;
    rollback(): Promise<void>;
    close(options?: { readonly drop?: boolean }): Promise<void>;
    isHealthy(): boolean;
  }
  const oracledb: {
    readonly DB_TYPE_VARCHAR: DbType;
    readonly DB_TYPE_RAW: DbType;
    readonly DB_TYPE_BINARY_DOUBLE: DbType;
    readonly DB_TYPE_BINARY_FLOAT: DbType;
    readonly OUT_FORMAT_ARRAY: number;
    getConnection(options: object): Promise<DriverConnection>;
  };

  export type { BindDefinition, DbType, DriverConnection, Result };
  export default oracledb;
}
