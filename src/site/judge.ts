import type { TargetPort, Checkpoint } from '../model/load.ts';
import type { Logger } from '../model/ports.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Image, Seen, TableShape } from '../model/row.ts';
import type { Strategy } from './load.ts';
import type { LogListener, LogReader, ReadPart } from './reader.ts';
import type { TargetTables } from './tables.ts';
export class SerialiserIndex implements LogListener {
  constructor(_o: { pipeline: string; reverse: string; target: TargetPort; logger: Logger }) {}
  part(_p: ReadPart): void {}
  async statement(): Promise<void> {}
  broken(): void {}
  rewound(_p: string, _s: Seen): void {}
  room(): null { return null; }
  reachesBackTo(_p: string): boolean { return true; }
  begin(_p: string): void {}
  async lockKeysOf(_t: TableShape, _r: readonly Image[]): Promise<readonly string[]> { return []; }
}
export function judging(_o: { index: SerialiserIndex; reader: LogReader; spec: PipelineSpec; indexSince: (p: string) => void }): (tables: TargetTables, checkpoint: Checkpoint) => Promise<Strategy> {
  return async () => { throw new Error('judge'); };
}
