/** References to secrets, resolved where they are needed. Errors name the reference, never the value. */
import { readFileSync } from 'node:fs';
import { OtterError } from '../model/error.ts';
import type { SecretRef } from '../model/topology.ts';

/** Longer is not a password but the wrong file. */
const SECRET_CHARS_MAX = 4096;

/** One line end at the end of a file is the editor's, not the secret's. @throws OtterError OT3020 */
export function resolveSecret(ref: SecretRef, env: Readonly<Record<string, string | undefined>>): string {
  if ('env' in ref) {
    const value = env[ref.env];
    if (value !== undefined) return value;
    throw new OtterError('OT3020', `the environment variable ${ref.env} is not set`, {
      hint: `Set ${ref.env} where the node runs.`,
      where: { reference: `env ${ref.env}` },
    });
  }
  const value = readSecret(ref.file).replace(/\r?\n$/, '');
  if (value.length <= SECRET_CHARS_MAX) return value;
  throw new OtterError('OT3020', `the file ${ref.file} is too long to be a secret`, {
    hint: 'Name the file that holds the secret and nothing else.',
    where: { reference: `file ${ref.file}` },
  });
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new OtterError('OT3020', `the file ${file} cannot be read (${code})`, {
      hint: 'Make it readable for the user that the node runs as.',
      where: { reference: `file ${file}` },
    });
  }
}
