/** Of the driver what the stand-in uses: the package has no types of its own. */
declare module 'pg' {
  interface QueryArrayResult<Row> {
    readonly rows: Row[];
    readonly rowCount: number | null;
  }
  class Client {
    constructor(options: object);
    connect(): Promise<void>;
    query(sql: string, values?: readonly unknown[]): Promise<QueryArrayResult<unknown[]>>;
    query<Row = (string | null)[]>(query: object): Promise<QueryArrayResult<Row>>;
    end(): Promise<void>;
    on(event: 'error', listener: (error: Error) => void): void;
  }

  export { Client, type QueryArrayResult };
}
