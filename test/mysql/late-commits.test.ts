/** When rows may be read at a mark in the log, by what the server says of its XA transactions. */
import { expect, test } from 'vitest';
import type { Session } from '../../src/mysql/connection.ts';
import { LateCommits } from '../../src/mysql/late-commits.ts';

const [ONE, TWO] = ["X'01',X'',1", "X'02',X'ab',7"];
const never = new AbortController().signal;

/** A server that says one list after the other, as MariaDB writes them; each but the first after `then` was called with its number. */
function server(lists: readonly (readonly string[])[], then: (asked: number) => void = () => undefined): Session {
  let asked = 0;
  const rows = async (): Promise<unknown> => {
    if (asked > 0) then(asked);
    const list = lists[Math.min(asked, lists.length - 1)]!;
    asked += 1;
    return list.map((data) => ({ data: data.replace(",X'',1", '') }));
  };
  return { rows } as unknown as Session;
}

test('where nothing is prepared nobody waits, not even for the reader', async () => {
  const late = new LateCommits();
  late.committed(ONE);
  await late.over(server([[]]), new Promise(() => undefined), never);
});

test('what is committed and still prepared is waited for', async () => {
  const late = new LateCommits();
  let asked = 0;
  const passed = Promise.resolve().then(() => late.committed(TWO));
  const lists = [[ONE, TWO], [ONE, TWO], [ONE, TWO], [ONE]];
  await late.over(
    server(lists, (number) => {
      asked = number;
    }),
    passed,
    never,
  );
  expect(asked).toBe(3);
});

test.each([
  ["X'00ff',X'',1", "X'00ff'"],
  ["X'333139',X'',1", "'319'"],
  ["X'61205f2d5a',X'',1", "'a _-Z'"],
  ["X'61',X'62',1", "'a','b'"],
  ["X'61',X'',7", "'a','',7"],
  ["X'61',X'0a',7", "X'61',X'0a',7"],
])('%s in the log is the one that XA RECOVER prints as %s', async (logged, printed) => {
  const late = new LateCommits();
  late.committed(logged);
  let asked = 0;
  await late.over(
    server([[printed], [printed], []], (number) => {
      asked = number;
    }),
    Promise.resolve(),
    never,
  );
  expect(asked).toBe(2);
});

test('what is undecided is not, and a name that is prepared again was over', async () => {
  const late = new LateCommits();
  late.committed(TWO);
  await late.over(
    server(
      [
        [ONE, TWO],
        [ONE, TWO],
        [ONE, TWO],
      ],
      (number) => {
        if (number === 2) late.prepared(TWO);
      },
    ),
    Promise.resolve(),
    never,
  );
});

test('a copy that ends waits no longer', async () => {
  const late = new LateCommits();
  late.committed(ONE);
  const abort = new AbortController();
  await late.over(
    server([[ONE]], (number) => {
      if (number === 2) abort.abort();
    }),
    Promise.resolve(),
    abort.signal,
  );
});
