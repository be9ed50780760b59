/** Every property of a run starts from one seed, which is printed, so that a failure can be repeated: `OTTER_SEED=… npm test`. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['OTTER_SEED']) });
