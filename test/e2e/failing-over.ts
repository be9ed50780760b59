/**
 * A site of two servers, of which the replica takes the place of the primary now and then, as whoever runs them would do it: what
 * the primary committed is never lost, since otter rightly goes no further where it is. Users follow the primary.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, newAccount } from '../../src/lab/accounts.ts';
import type { StartOptions } from '../../src/lab/database.ts';
import type { Random } from '../../src/lab/random.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { caughtUp, demote, follow, type Member, promote, replicated } from '../mysql/replica.ts';

/** Where a site is: one server, or whichever of several is the primary. */
export interface Standing {
  readonly server: DatabaseServer;
  /** Who writes there. */
  readonly users: Account;
  /** `host:port`, in order of preference. */
  readonly endpoints: readonly string[];
}

/** A site that is one server. */
export function standing(server: DatabaseServer): Standing {
  return { server, users: server.root, endpoints: [endpointOf(server)] };
}

/**
 * MySQL 9.6 and later look after foreign keys outside of InnoDB: REPLACE of a row that others refer to is let pass then, and no
 * replica of that server can apply it (1451).
 */
const NATIVE_KEYS = ['--loose-innodb-native-foreign-keys=ON'];

/** Switched over while it lives; killed and set free after its start; killed when the other has everything. */
const WAYS = ['switched over', 'crashed', 'switched off'] as const;

export class FailingOver implements Standing, AsyncDisposable {
  /** Root may write where others may not, so that users must be others. */
  readonly users: Account;
  readonly endpoints: readonly string[];
  /** The primary first. */
  #members: readonly [Member, Member];
  readonly #args: readonly string[];

  private constructor(primary: Member, replica: Member, users: Account, args: readonly string[]) {
    this.#members = [primary, replica];
    this.#args = args;
    this.users = users;
    this.endpoints = this.#members.map(({ lab }) => endpointOf(lab));
  }

  /** Servers that start again are read-only at first, as the manual asks for. */
  static async start(family: 'mariadb' | 'mysql', options: StartOptions): Promise<FailingOver> {
    const args = [...(options.args ?? []), ...(family === 'mysql' ? NATIVE_KEYS : [])];
    const { primary, replica } = await replicated(family, { ...options, args });
    const users = newAccount('users');
    await primary.root(
      `CREATE USER '${users.user}'@'%' IDENTIFIED BY '${users.password}'; ${['hammer', 'own'].map((schema) => `GRANT ALL ON ${schema}.* TO '${users.user}'@'%'`).join('; ')}`,
    );
    return new FailingOver(primary, replica, users, args);
  }

  get server(): DatabaseServer {
    return this.#members[0].lab;
  }

  /** The other is the primary when this returns, and this one its replica. */
  async failOver(random: Random): Promise<void> {
    const way = random.pick(WAYS);
    const [primary, replica] = this.#members;
    const readOnly = primary.lab.family === 'mariadb' ? '--read-only=1' : '--super-read-only=1';
    const restart = { args: [...this.#args, readOnly] };
    if (way === 'crashed') {
      await primary.lab.kill();
      await sleep(random.between(0, 4_000));
      await primary.lab.restart(restart);
    } else await demote(primary);
    await caughtUp(replica, primary);
    if (way === 'switched off') await primary.lab.kill();
    await promote(replica);
    this.#members = [replica, primary];
    await sleep(random.between(0, 3_000));
    if (way === 'switched off') await primary.lab.restart(restart);
    await follow(primary, replica);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((member) => member[Symbol.asyncDispose]()));
  }
}

function endpointOf({ host, port }: DatabaseServer): string {
  return `${host}:${port}`;
}
