/** OT3xxx: the state store, the nodes that live by it, and the secrets they resolve. */
import type { Explanation } from '../explanation.ts';

export const STATE_CODES = {
  OT3001: {
    title: 'State store unreachable',
    meaning:
      'The state store did not answer in time, the connection to it broke, or its file was deleted or replaced. A write that was under way may or may not have taken place. Running pipelines go on without the store; nothing new starts.',
    action:
      'Check the address in `--state` or OTTER_STATE and that the store runs: `etcdctl --endpoints HOST:PORT endpoint health` for etcd; put back a file that was moved. Repeat the command when it answers: every write compares before it changes anything.',
  },
  OT3002: {
    title: 'State store address not understood',
    meaning: 'The address of the state store has a form that otter does not know.',
    action:
      'Use `file:.otter/state.db`, `memory:`, `etcd://host:2379,host2:2379` or `etcds://host:2379?ca=/path/ca.pem`; user and password go before the host as `user:password@`.',
  },
  OT3003: {
    title: 'Write too large for the state store',
    meaning:
      'One transaction of the state store takes 128 operations and 1.4 MB, and this one is larger. It is never split, since it would no longer be all or nothing.',
    action:
      'Change fewer objects at once, for instance with `--target ADDR`; a single object above the limit has to become smaller.',
  },
  OT3004: {
    title: 'Lease ran out',
    meaning:
      'What was held in the state store under a lease (a lock, a node, the ownership of a database) is no longer held: it could not be renewed in time.',
    action:
      'Look for a store that was slow or away, or a process that was stopped or starved for longer than the lease. A node takes a new lease by itself; repeat a command that lost its lock.',
  },
  OT3005: {
    title: 'State store refused',
    meaning:
      'The state store answered, and refused: wrong user or password, a missing permission, or a setting of the store.',
    action:
      'Check the credentials in the address of the store, and that the user may read and write keys below `/otter/`.',
  },
  OT3006: {
    title: 'State file cannot be used',
    meaning: 'The file of the state store cannot be opened, read or written.',
    action:
      'Check that the folder exists and is writable, that the disk is not full, and that the file was not damaged or written by something else.',
  },
  OT3007: {
    title: 'Record in the state store not understood',
    meaning: 'A value in the state store is not what this version of otter writes there.',
    action:
      'A newer otter may have written it: run that version here too. An older one: `otter migrate`. Else delete that key, and apply again.',
  },
  OT3008: {
    title: 'State file busy',
    meaning: 'Another process held the lock of the state file for longer than otter waits.',
    action: 'Look for a process that is stopped, or a backup that has the file open: `fuser FILE`.',
  },
  OT3009: {
    title: 'State store is full',
    meaning:
      'etcd has reached the size it was given (`--quota-backend-bytes`) and takes no more writes until its operator has made room. Nothing was written. Reading goes on, and so does replication.',
    action:
      'Make room: `etcdctl compact REVISION` (the newest is in `etcdctl endpoint status -w json`), `etcdctl defrag` at each member, then `etcdctl alarm disarm`. Set `--auto-compaction-retention=1h`, or a larger quota, so that it does not come again.',
  },
  OT3010: {
    title: 'Node name taken over',
    meaning:
      'Another process runs under the same node name and has taken over its databases. Two processes never serve one name.',
    action: 'Give each process its own node in the topology, or stop one of the two.',
  },
  OT3011: {
    title: 'State store is not empty',
    meaning: 'A state is imported only into a store that holds nothing of its topology, and something is there.',
    action:
      'Let `otter state import FILE` plan what to change: it says what would become different and asks. Or name another store with --state.',
  },
  OT3020: {
    title: 'Secret not found',
    meaning:
      'A reference to a secret could not be resolved on this machine: the environment variable is not set, or the file cannot be read.',
    action:
      'Set the variable, or create the file, where the node runs, and make it readable for the user it runs as. Only the reference is in the topology.',
  },
} as const satisfies Record<string, Explanation>;
