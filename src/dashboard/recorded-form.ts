/**
 * Whether a report out of a file has what the screens cannot do without, so that a file that somebody else made, or that was damaged, is
 * refused in words. What reports got later is not asked for: recordings of earlier versions are shown.
 */

type Form = (value: unknown) => boolean;

const text: Form = (value) => typeof value === 'string';
const thing: Form = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const maybe =
  (form: Form): Form =>
  (value) =>
    value === null || form(value);
const list =
  (form: Form): Form =>
  (value) =>
    Array.isArray(value) && value.every(form);
const having =
  (fields: Readonly<Record<string, Form>>): Form =>
  (value) =>
    thing(value) && Object.entries(fields).every(([name, form]) => form((value as Record<string, unknown>)[name]));

const trouble = maybe(having({ code: text, message: text }));

const pipeline = having({
  ...{ name: text, source: text, target: text, summary: text, phase: text },
  ...{ node: maybe(text), position: maybe(text), waiting: maybe(text), error: trouble },
  ...{ copy: maybe(thing), window: maybe(thing), conflict_tables: thing, per_second: thing },
});

const node = having({
  ...{ name: text, region: text, databases: list(text), error: trouble },
  ...{ host: maybe(text), address: maybe(text), started: maybe(text), version: maybe(text) },
});

/** A status report, as far as it is needed. */
export const isReportForm: Form = having({
  ...{ topology: text, summary: text, applying: maybe(text), store_away: trouble },
  regions: list(having({ name: text, databases: list(text) })),
  nodes: list(node),
  channels: list(having({ name: text, pipelines: list(pipeline) })),
  files: list(having({ name: text, flows: list(having({ name: text, source: text, target: text, phase: text })) })),
});
