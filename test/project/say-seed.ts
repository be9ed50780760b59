/** Runs once before all tests. */
export default function sayTheSeed(): void {
  const seed = process.env['OTTER_SEED'];
  process.stdout.write(`fast-check seed ${seed} (to repeat this run: OTTER_SEED=${seed} npm test)\n`);
}
