/** Holds a row of `d.t`, on a line of a loader, for as long as it runs: `node holder.ts '{"port":…,"user":…,"password":…}' SILENCE_S`. */
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { openLine } from '../../src/mysql/loading-line.ts';

const { port, user, password } = JSON.parse(process.argv[2]!) as { port: number; user: string; password: string };
const server = new DatabaseServer({
  name: 'a',
  spec: { endpoints: [`127.0.0.1:${port}`], user, tls: null },
  password,
});
const { connection } = await openLine(() => server.connect(), Number(process.argv[3]));
await connection.run('START TRANSACTION');
await connection.run('UPDATE d.t SET n=n+1');
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
