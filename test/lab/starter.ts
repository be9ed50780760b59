/** A program that starts private servers, says where they are, and then ends as it is told or waits to be ended. */
import { dirname } from 'node:path';
import { connect } from '../../src/lab/accounts.ts';
import { startEtcd, startMariaDb } from '../../src/lab/servers.ts';

const mariadb = await startMariaDb({ args: ['--innodb-buffer-pool-size=32M'] });
const etcd = await startEtcd({ args: ['--snapshot-count=10000'] });
const connection = await connect(mariadb, mariadb.root);
const [rows] = await connection.query('SELECT @@socket AS socket');
await connection.end();
const socket = String((rows as { readonly socket: string }[])[0]?.socket);
process.stdout.write(`${JSON.stringify({ pids: [mariadb.pid, etcd.pid], folder: dirname(socket) })}\n`);
if (process.argv[2] === 'exit') process.exit(0);
if (process.argv[2] === 'throw') throw new Error('as planned');
setInterval(() => undefined, 1_000);
