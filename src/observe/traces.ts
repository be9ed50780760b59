/**
 * Windows as traces of OpenTelemetry, sent by OTLP over HTTP; off unless the environment of the process turns them on, with the names
 * that all programs have for it (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
 *
 * Rule kept: whoever receives them holds nothing up. Spans that wait are bounded, those beyond are dropped, and that they cannot
 * be sent is said in the log.
 */
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { messageOf } from '../model/error.ts';
import type { Logger } from '../model/ports.ts';
import type { Traces } from '../model/traces.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How long the last spans may take to be sent when the process ends. */
const LAST_MS = 2_000;
/** The same trouble is said no more often. */
const SAID_MS = 60_000;

/** Null unless `OTEL_TRACES_EXPORTER=otlp`. Where to, and with what headers, the SDK reads from the environment itself. */
export async function openTraces(env: Env, version: string, logger: Logger): Promise<Traces | null> {
  const off = env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_SAMPLER'] === 'always_off';
  if (env['OTEL_TRACES_EXPORTER'] !== 'otlp' || off) return null;
  // They take a while to load, which nobody else should wait for.
  const [api, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const say = complaints(logger);
  diag.setLogger({ ...SILENT, error: say, warn: say }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const named = resources.resourceFromAttributes({ 'service.name': 'otter', 'service.version': version });
  const resource = named.merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const share = env['OTEL_TRACES_SAMPLER']?.endsWith('traceidratio') === true ? env['OTEL_TRACES_SAMPLER_ARG'] : '1';
  const provider = new sdk.TracerProvider({
    resource,
    sampler: new sdk.TraceIdRatioBasedSampler(Number(share ?? 1)),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: telling(new OTLPTraceExporter(), say) })],
  });
  const tracer = provider.getTracer('otter', version);
  return {
    window: ({
      topology,
      channel,
      pipeline,
      source,
      target,
      rows,
      bytes,
      transactions,
      gtid,
      ageMs,
      stages,
      error,
    }) => {
      const [first] = stages;
      if (first === undefined) return;
      const name = `window ${pipeline}`;
      const span = tracer.startSpan(name, {
        kind: SpanKind.CONSUMER,
        startTime: timeOf(first.fromMs),
        attributes: {
          'otter.topology': topology,
          'otter.channel': channel,
          'otter.pipeline': pipeline,
          'otter.source': source,
          'otter.target': target,
          'otter.rows': rows,
          'otter.bytes': bytes,
          'otter.transactions': transactions,
          'otter.gtid': gtid,
          ...(ageMs === null ? {} : { 'otter.age_seconds': ageMs / 1000 }),
          ...(error === null ? {} : { 'otter.error': error.code }),
        },
      });
      if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error.code });
      const inside = trace.setSpan(ROOT_CONTEXT, span);
      for (const { stage, fromMs, toMs } of stages)
        tracer.startSpan(stage, { startTime: timeOf(fromMs) }, inside).end(timeOf(toMs));
      span.end(timeOf(Math.max(...stages.map(({ toMs }) => toMs))));
    },
    [Symbol.asyncDispose]: async () => {
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, LAST_MS).unref();
      });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      diag.disable();
    },
  };
}

/** Seconds and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Not all that goes wrong does the SDK complain of. */
function telling(exporter: SpanExporter, say: (text: string) => void): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code !== 0) say(messageOf(result.error ?? 'refused'));
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

const nothing = (): void => undefined;
const SILENT = { info: nothing, debug: nothing, verbose: nothing };

/** Once a minute. */
function complaints(logger: Logger): (text: string) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return (text) => {
    if (performance.now() - saidMs < SAID_MS) return;
    saidMs = performance.now();
    // It may go on with what was answered.
    logger.warn('traces cannot be sent', { code: 'OT8105', error: text.slice(0, 80) });
  };
}
