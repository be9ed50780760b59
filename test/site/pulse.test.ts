/** Silence is told while it lasts; an answer that is late, and one that is an error, are told apart. */
import { expect, test } from 'vitest';
import { pulse } from '../../src/site/pulse.ts';

const QUICK = { name: 'a', silentMs: 20, intervalMs: 5, now: () => 0 };

/** What is told when the server's answers are these, until all were asked for; null: no answer. */
async function told(answers: readonly (null | (() => Promise<void>))[]): Promise<string[]> {
  const heard: string[] = [];
  const abort = new AbortController();
  const rest = [...answers];
  const ask = async (): Promise<void> => {
    const next = rest.shift();
    if (next === undefined) abort.abort();
    else if (next === null) await new Promise<void>(() => undefined);
    else await next();
  };
  await pulse(
    {
      ...QUICK,
      ask,
      silent: ({ message }) => {
        if (heard.at(-1) !== message) heard.push(message);
        if (heard.length > 0 && answers.at(-1) === null) abort.abort();
      },
      heard: () => heard.push('heard'),
    },
    abort.signal,
  );
  return heard;
}

const SILENT = 'a has not answered since 00:00:00 UTC';
const answered = async (): Promise<void> => undefined;
const refused = async (): Promise<void> => {
  throw new Error('refused');
};
const after = (ms: number, then: () => Promise<void>) => async (): Promise<void> => {
  await new Promise<void>((resolve) => setTimeout(resolve, ms));
  await then();
};

test.each([
  ['answers', [answered, answered], []],
  ['a server that is gone is told of by others', [answered, refused, refused], []],
  ['no answer', [answered, null], [SILENT]],
  ['an answer that is late', [after(200, answered)], [SILENT, 'heard']],
  ['a connection that is not made in time', [after(200, refused), after(200, refused)], [SILENT]],
  ['one that is refused at last', [after(200, refused), refused], [SILENT, 'heard']],
])('%s', async (_, answers, expected) => {
  expect(await told(answers)).toEqual(expected);
});

test('a new line is tried while it is silent, one at a time, and not when it answers', async () => {
  const abort = new AbortController();
  const silent: boolean[] = [];
  let answer = (): void => undefined;
  let open = 0;
  const renew = async (isSilent: () => boolean): Promise<void> => {
    open += 1;
    expect(open).toBe(1);
    await after(15, answered)();
    silent.push(isSilent());
    open -= 1;
    if (silent.length < 3) throw new Error('it does not answer there either');
    answer();
  };
  const asks = [() => new Promise<void>((resolve) => (answer = resolve)), answered, async () => abort.abort()];
  await pulse(
    { ...QUICK, ask: () => asks.shift()!(), silent: () => undefined, heard: () => undefined, renew },
    abort.signal,
  );
  expect(silent).toEqual([true, true, true]);
});
