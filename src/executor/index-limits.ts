/** What a node's environment says of the room for recent writes. */
import { OtterError } from '../model/error.ts';

export interface IndexLimits {
  /** Of memory, for each pipeline into a deciding site. */
  readonly bytes: number;
  /** Of a file, for each of them. */
  readonly fileBytes: number;
  /** Of the files. */
  readonly folder: string;
}

const BYTES = 256 * 2 ** 20;
const FILE_BYTES = 16 * 2 ** 30;

/** @throws OtterError OT7003 when a number is none */
export function indexLimits(env: Readonly<Record<string, string | undefined>>, temporary: string): IndexLimits {
  const bytesOf = (name: string, usual: number): number => {
    const text = env[name] ?? '';
    if (text === '') return usual;
    const bytes = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
    throw new OtterError('OT7003', `${name} is not a number of bytes`, { hint: `For instance ${name}=${usual}` });
  };
  return {
    bytes: bytesOf('OTTER_INDEX_BYTES', BYTES),
    fileBytes: bytesOf('OTTER_INDEX_FILE_BYTES', FILE_BYTES),
    folder: env['OTTER_SPILL_DIR'] || temporary,
  };
}
