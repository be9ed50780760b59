/** What a metric is: its name, what it means, and where its values stand. */
import type { NodeMeasures } from '../model/measures.ts';

/** One value with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Of a histogram: how many fell into each bucket and not into those below it. */
export interface SpreadSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

interface Named {
  readonly name: string;
  /** A sentence. */
  readonly help: string;
  /** Beside `topology` and `node`, which all have. */
  readonly labels: readonly string[];
}

export type MetricSpec = Named &
  (
    | { readonly type: 'gauge' | 'counter'; readonly read: (node: NodeMeasures) => readonly Sample[] }
    | { readonly type: 'histogram'; readonly read: (node: NodeMeasures) => readonly SpreadSample[] }
  );
