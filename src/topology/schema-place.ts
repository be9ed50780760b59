/** The part of the schema that is about a path of a topology. */
import type { Path } from './tree.ts';

export interface SchemaPart {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly allOf?: readonly SchemaPart[];
  readonly properties?: Readonly<Record<string, SchemaPart | boolean>>;
  readonly additionalProperties?: SchemaPart | boolean;
  readonly items?: SchemaPart;
  readonly definitions?: Readonly<Record<string, SchemaPart>>;
  readonly maxProperties?: number;
}

/** Undefined where the schema knows no such path. */
export function schemaAt(schema: SchemaPart, path: Path): SchemaPart | undefined {
  let here: SchemaPart | undefined = schema;
  for (const step of path) {
    if (here === undefined) return undefined;
    const { properties = {}, additionalProperties, items }: SchemaPart = here;
    const next: SchemaPart | boolean | undefined =
      typeof step === 'number' ? items : Object.hasOwn(properties, step) ? properties[step] : additionalProperties;
    here = typeof next === 'object' ? whole(schema, next) : undefined;
  }
  return here;
}

/** With what it refers to. */
function whole(schema: SchemaPart, part: SchemaPart): SchemaPart {
  const name = (part.$ref ?? part.allOf?.[0]?.$ref)?.replace('#/definitions/', '');
  return name === undefined ? part : { ...schema.definitions?.[name], ...part };
}
