/** In which order test files run: what takes longest first, so that nothing of it is left alone at the end; the rest as ever, by their size. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of every kind by how long they take; beside those of the long run that start many processes stand some that are one. */
const LONGEST = [
  'conflict/simulator',
  'conflict/mesh',
  'executor/node',
  'state/stores',
  'e2e/chaos.it',
  'cli/control.it',
  'e2e/watching.it',
  'e2e/channel.it',
  'files/follow.it',
  'files/verify.it',
  'e2e/hammer.long',
  'values/matrix.long',
  'values/random.long',
  'executor/crash.long',
  'conflict/simulator.long',
  'bench/quick.long',
  'conflict/mesh.long',
  'e2e/ledger.long',
  'site/ddl-two-way.long',
  'site/ddl-storm.long',
  'site/large-rows.long',
  'e2e/chaos.long',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
      return at === -1 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
