/** What is measured of the comparisons that channels make by themselves (`verify: { every }`). */
import type { NodeMeasures, VerifyMeasures } from '../model/measures.ts';
import type { VerifiedRecord } from '../model/records.ts';
import type { MetricSpec, Sample } from './metric-spec.ts';

const LABELS = ['channel', 'database'] as const;

/** @param value null: there is none */
function each({ verify, shown }: NodeMeasures, value: (one: VerifyMeasures) => number | null): readonly Sample[] {
  return verify.flatMap((one) => {
    const told = value(one);
    const labels = { channel: shown('channel', one.channel), database: shown('database', one.database) };
    return told === null ? [] : [{ labels, value: told }];
  });
}

function ofLast(node: NodeMeasures, value: (last: VerifiedRecord) => number): readonly Sample[] {
  return each(node, ({ last }) => (last === null ? null : value(last)));
}

export const byVerify: readonly MetricSpec[] = [
  {
    name: 'otter_verify_running',
    type: 'gauge',
    help: "1 while the channel's tables at the database are being compared; else 0.",
    labels: LABELS,
    read: (node) => each(node, ({ rows }) => (rows === null ? 0 : 1)),
  },
  {
    name: 'otter_verify_running_rows',
    type: 'gauge',
    help: 'Rows that the comparison under way has looked at so far; absent while none is.',
    labels: LABELS,
    read: (node) => each(node, ({ rows }) => rows),
  },
  {
    name: 'otter_verify_end_time_seconds',
    type: 'gauge',
    help: 'When the newest comparison ended, in seconds since 1970; absent, as what follows, before the first.',
    labels: LABELS,
    read: (node) => ofLast(node, ({ endedMs }) => endedMs / 1000),
  },
  {
    name: 'otter_verify_failed',
    type: 'gauge',
    help: '1 when the newest comparison did not come to its end; else 0.',
    labels: LABELS,
    read: (node) => ofLast(node, ({ error }) => (error === null ? 0 : 1)),
  },
  {
    name: 'otter_verify_rows',
    type: 'gauge',
    help: 'Rows that the newest comparison compared.',
    labels: LABELS,
    read: (node) => ofLast(node, ({ rows }) => rows),
  },
  {
    name: 'otter_verify_differing_rows',
    type: 'gauge',
    help: 'Rows that differed in the newest comparison.',
    labels: LABELS,
    read: (node) => ofLast(node, ({ differing }) => differing),
  },
  {
    name: 'otter_verify_skipped_tables',
    type: 'gauge',
    help: 'Tables that the newest comparison did not compare, or not to their end.',
    labels: LABELS,
    read: (node) => ofLast(node, ({ skipped }) => skipped),
  },
];
