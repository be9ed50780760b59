/** What the rows of a pipeline are made with, found where it runs. */
import { OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { RowMaking } from '../model/row-making.ts';
import type { Finds } from './load-table.ts';

type Made = Pick<PipelineSpec, 'name' | 'maskKey' | 'processors'>;

/** @param spec as it is now, since a channel may be given another key */
export function findsOf(spec: () => Made, making: RowMaking): Finds {
  return {
    hash: () => {
      const { maskKey, name } = spec();
      if (maskKey !== undefined) return making.hashBy(maskKey);
      throw new OtterError('OT5050', `${name} hashes values and has no \`mask_key\``, {
        hint: 'Give its channel one.',
      });
    },
    bounded: making.bounded,
    processor: (ref) => making.processor(ref, spec().processors?.[ref.digest]),
  };
}
