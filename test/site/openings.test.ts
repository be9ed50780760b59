/** Who waits for a stream is never left waiting: not by a silent database, nor by one that is let go of. */
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import { Openings } from '../../src/site/openings.ts';

const never = new Promise<never>(() => undefined);

test('who gives up is answered, whatever the opening still waits for', async () => {
  const asking = new AbortController();
  let within: AbortSignal | null = null;
  const opening = new Openings().run(asking.signal, (signal) => {
    within = signal;
    return never;
  });
  asking.abort(new Error('enough'));
  await expect(opening).rejects.toThrow('enough');
  expect(within!.aborted).toBe(true);
});

test('who has given up before is not opened for', async () => {
  await expect(new Openings().run(AbortSignal.abort(new Error('enough')), async () => 'opened')).rejects.toThrow(
    'enough',
  );
});

test('a database that falls silent is told to who waits and to who comes, until it is heard', async () => {
  const openings = new Openings();
  const { signal } = new AbortController();
  const silence = new OtterError('OT4001', 'no answer');
  const opening = openings.run(signal, () => never);
  openings.silent(silence);
  await expect(opening).rejects.toBe(silence);
  await expect(openings.run(signal, async () => 'opened')).rejects.toBe(silence);
  openings.heard();
  await expect(openings.run(signal, async () => 'opened')).resolves.toBe('opened');
});
