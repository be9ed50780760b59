/** How much of one core this process takes, measured between two looks that are at least a second apart. */

const LEAST_MS = 1_000;

export class CpuShare {
  #usage = process.cpuUsage();
  #atMs = performance.now();
  #percent: number | null = null;

  /** Percent of one core, so above 100 with several; null in the first second. */
  read(): number | null {
    const elapsedMs = performance.now() - this.#atMs;
    if (elapsedMs < LEAST_MS) return this.#percent;
    const { user, system } = process.cpuUsage(this.#usage);
    this.#percent = Math.round((user + system) / 10 / elapsedMs);
    this.#usage = process.cpuUsage();
    this.#atMs += elapsedMs;
    return this.#percent;
  }
}
