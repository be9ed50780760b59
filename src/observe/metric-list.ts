/**
 * Every metric of a node by its name, what it means, and where its value stands. `/metrics`, the reference and the test of `ops/` go by
 * this list and no other.
 *
 * Names follow Prometheus: `otter_`, base units in the name, `_total` for what only counts up (and begins anew with its process, or its
 * pipeline).
 */
import { byFlow } from './file-metrics.ts';
import type { MetricSpec } from './metric-spec.ts';
import { byLog, byNode } from './node-metrics.ts';
import { byPipeline } from './pipeline-metrics.ts';
import { byVerify } from './verify-metrics.ts';

export const METRICS: readonly MetricSpec[] = [...byNode, ...byLog, ...byPipeline, ...byVerify, ...byFlow];
