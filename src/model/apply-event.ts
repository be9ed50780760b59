/**
 * What an apply tells while it runs: one union behind the lines, the tree on a terminal and the file of `--json-into`.
 *
 * Every event is one line of JSON. Keys are only added, never renamed, within a `format_version`.
 */

/** What every event has. */
export interface EventHead {
  /** Time, ISO 8601 in UTC. */
  readonly at: string;
}

/** The first event: what is going to be done. */
export interface ApplyStarted extends EventHead {
  readonly type: 'started';
  readonly format_version: '1.0';
  readonly topology: string;
  /** Name of its journal, `runs/RUN/` in the state store. */
  readonly run: string;
  readonly serial: number;
  readonly plan_digest: string;
  /** Every change, in the order of writing. */
  readonly changes: readonly { readonly address: string; readonly actions: readonly string[] }[];
  /** Addresses that an earlier process has written already (`apply --resume`). */
  readonly done: readonly string[];
  /** How many steps are to be written now. */
  readonly steps: number;
}

/** Somebody else has the lock. */
export interface LockWaiting extends EventHead {
  readonly type: 'lock_waiting';
  readonly holder: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  readonly operation: string;
}

/** A step is going to be written: one transaction, all or nothing. */
export interface StepStarted extends EventHead {
  readonly type: 'step_started';
  /** Counts from 1. */
  readonly step: number;
  readonly steps: number;
  readonly addresses: readonly string[];
}

/** It is written, and so is its place in the journal. */
export interface StepWritten extends EventHead {
  readonly type: 'step_written';
  readonly step: number;
  readonly steps: number;
  readonly addresses: readonly string[];
  /** Of the state store. */
  readonly revision: number;
}

/** Before the next step (`--max-lag`) or at the end: what nodes have still to report. Told when it changes. */
export interface NodesWaiting extends EventHead {
  readonly type: 'nodes_waiting';
  /** The step that waits; null: everything is written. */
  readonly step: number | null;
  readonly waiting: readonly { readonly pipeline: string; readonly node: string | null; readonly why: string }[];
}

/** What a step waited for is there: its pipelines run, and lag less than asked for. */
export interface GatePassed extends EventHead {
  readonly type: 'gate_passed';
  readonly step: number;
}

/** A pipeline failed, with its code; nodes try again by themselves. */
export interface PipelineFailed extends EventHead {
  readonly type: 'pipeline_failed';
  readonly pipeline: string;
  readonly node: string;
  readonly code: string | null;
  readonly message: string;
  readonly hint: string | null;
}

/** Something to be said that no other event says. */
export interface Note extends EventHead {
  readonly type: 'note';
  readonly message: string;
}

/** Nothing else has happened for a while. */
export interface Heartbeat extends EventHead {
  readonly type: 'heartbeat';
  readonly elapsed_ms: number;
  /** What is waited for, in words. */
  readonly doing: string;
}

/** Somebody wants it to end: what is under way is finished first. */
export interface Interrupted extends EventHead {
  readonly type: 'interrupted';
  readonly left: readonly string[];
}

/** The last event. */
export interface ApplyFinished extends EventHead {
  readonly type: 'finished';
  /** Exit code of the command. */
  readonly exit: number;
  readonly serial: number;
  /** Addresses that are written, those of which it is not known, and those that are not. */
  readonly done: readonly string[];
  readonly in_doubt: readonly string[];
  readonly left: readonly string[];
  /** Of the error, if it ended with one. */
  readonly code: string | null;
  readonly message: string | null;
}

export type ApplyEvent =
  | ApplyStarted
  | LockWaiting
  | StepStarted
  | StepWritten
  | NodesWaiting
  | GatePassed
  | PipelineFailed
  | Note
  | Heartbeat
  | Interrupted
  | ApplyFinished;

/** An event before it has its time. */
export type Told = ApplyEvent extends infer E ? (E extends ApplyEvent ? Omit<E, 'at'> : never) : never;
