/**
 * The metrics of a node as Prometheus reads them, through its own client.
 *
 * Rule: nothing is counted here. At every scrape all values are read from the node at one moment, so that a pipeline that has gone leaves no
 * value behind, and nothing is done while nobody scrapes.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { NodeMeasures } from '../model/measures.ts';
import { METRICS } from './metric-list.ts';
import type { MetricSpec, SpreadSample } from './metric-spec.ts';

export interface Exposition {
  /** Of the HTTP answer. */
  readonly contentType: string;
  readonly text: string;
}

/** Of the process, which several nodes may share (`otter up`); made when it is first asked for. */
let ofProcess: Registry | null = null;

function processRegistry(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** Everything that a node measures, and memory, processor and event loop of its process. */
export async function exposition(node: NodeMeasures): Promise<Exposition> {
  const registry = registryOf(node);
  const shared = processRegistry();
  return { contentType: registry.contentType, text: `${await registry.metrics()}\n${await shared.metrics()}` };
}

function registryOf(node: NodeMeasures): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ topology: node.topology, node: node.node });
  for (const spec of METRICS) registry.registerMetric(metricOf(spec, node));
  return registry;
}

function metricOf(spec: MetricSpec, node: NodeMeasures): Counter | Gauge | ReadHistogram {
  const { name, help, labels } = spec;
  const common = { name, help, labelNames: labels, registers: [] };
  if (spec.type === 'histogram') return new ReadHistogram(common, spec.read(node));
  const metric = spec.type === 'gauge' ? new Gauge(common) : new Counter(common);
  // Without labels it would be 0 where nothing is known.
  metric.reset();
  for (const { labels: of, value } of spec.read(node)) metric.inc(of, value);
  return metric;
}

/** As the client's registry asks for it, and `get` too; its types do not say so. */
interface Asked {
  getForPromString(): ReturnType<Histogram['get']>;
}
const ASKED = Histogram.prototype as unknown as Asked;

/** A histogram that was counted elsewhere. */
class ReadHistogram extends Histogram implements Asked {
  readonly #told: readonly SpreadSample[];
  readonly #name: string;

  constructor(common: ConstructorParameters<typeof Histogram>[0], told: readonly SpreadSample[]) {
    super(common);
    this.#told = told;
    this.#name = common.name;
  }

  async getForPromString(): ReturnType<Histogram['get']> {
    return { ...(await ASKED.getForPromString.call(this)), values: this.#told.flatMap((each) => this.#series(each)) };
  }

  #series({ labels, bounds, counts, sum }: SpreadSample): Awaited<ReturnType<Histogram['get']>>['values'] {
    const name = this.#name;
    let below = 0;
    const buckets = counts.map((count, at) => {
      below += count;
      return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[at] ?? '+Inf') }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: below },
    ];
  }
}
