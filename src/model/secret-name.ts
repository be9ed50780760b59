/** Names that people give to what holds a secret: what such a variable holds is not shown, and has no place in what is stored. */
const SECRET_NAME = /pass|pw|secret|token|key|credential/i;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}
