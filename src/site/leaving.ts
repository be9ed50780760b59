/**
 * Tables that have left a pipeline at its source, and how far its log has been handed on since.
 *
 * Rule kept: what the log had of a table when it left is still carried, and nothing that came later. A generation of the
 * channel is settled at the first place of the log that is beyond all of that.
 */
import type { TableRule } from '../model/pipeline.ts';
import { coversGtid, type Position } from '../model/position.ts';

export class Leaving {
  /** By name, how they travelled and where the log ended when they left. */
  readonly #tables = new Map<string, { readonly rule: TableRule; readonly until: Position }>();
  /** Generations that the pipeline has taken up, in their order. */
  #taken: { readonly generation: number; readonly until: Position | null }[] = [];
  #settled = 0;

  get size(): number {
    return this.#tables.size;
  }

  has(name: string): boolean {
    return this.#tables.has(name);
  }

  get rules(): ReadonlyMap<string, TableRule> {
    return new Map([...this.#tables].map(([name, { rule }]) => [name, rule]));
  }

  begin(rules: ReadonlyMap<string, TableRule>, until: Position): void {
    for (const [name, rule] of rules) if (!this.#tables.has(name)) this.#tables.set(name, { rule, until });
  }

  /** It has come back. */
  delete(name: string): void {
    this.#tables.delete(name);
  }

  /** The log is at this transaction: whether tables have left for good. */
  passes(gtid: string): boolean {
    let any = false;
    for (const [name, { until }] of this.#tables) {
      if (coversGtid(until, gtid)) continue;
      this.#tables.delete(name);
      any = true;
    }
    return any;
  }

  /** The pipeline is of this generation, and every table of it has been told; `until`: the log ended there when it became so. */
  taken(generation: number, until: Position | null): void {
    this.#taken.push({ generation, until });
  }

  /** The newest generation that is settled before this transaction. */
  settledAt(gtid: string): number {
    for (let next = this.#taken[0]; next !== undefined; next = this.#taken[0]) {
      if (next.until !== null && coversGtid(next.until, gtid)) break;
      this.#settled = next.generation;
      this.#taken.shift();
    }
    return this.#settled;
  }
}
