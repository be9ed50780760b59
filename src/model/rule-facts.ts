/**
 * What a rule's `when` can ask about one object of a plan. Names are the columns of its expression; `was_NAME` is the same of the object
 * before the plan, NULL where it was not there. What an object's kind does not have is NULL.
 */
export type FactType = 'text' | 'number' | 'truth';
export type Fact = string | number | boolean | null;

interface FactColumn {
  readonly type: FactType;
  readonly is: string;
}

/** About the change. */
export const CHANGE_FACTS = {
  kind: { type: 'text', is: '`region`, `node`, `database`, `channel`, `files`, `notify`, `alert`, `policy`' },
  name: { type: 'text', is: 'of the object, without its kind' },
  address: { type: 'text', is: '`channel.shop`' },
  action: { type: 'text', is: '`create`, `update`, `replace`, `delete` or `rename` (nothing else changes)' },
  risk: { type: 'text', is: '`low`, `medium` or `high`: the gravest of its effects' },
  changed: { type: 'text', is: 'paths of the attributes that change, each between commas: `,tables[shop.orders].to,`' },
  irrevocable: { type: 'truth', is: 'whether it cannot be undone' },
} as const satisfies Record<string, FactColumn>;

/** About the object. */
export const OBJECT_FACTS = {
  region: { type: 'text', is: 'of a node or a database' },
  engine: { type: 'text', is: 'of a database' },
  protect: { type: 'truth', is: 'of a database' },
  endpoints: { type: 'number', is: 'of a database: how many' },
  encrypted: { type: 'truth', is: 'of a database: it has `tls`; of a node: its links have' },
  two_way: { type: 'truth', is: 'of a channel: it has `between`' },
  mesh: { type: 'truth', is: 'of a channel' },
  databases: { type: 'number', is: 'of a channel: how many it joins; of a region: how many stand there' },
  regions: { type: 'number', is: 'of a channel: in how many its databases stand' },
  nodes: { type: 'number', is: 'of a region, and of the region of a database: how many' },
  tables: { type: 'number', is: 'of a channel: how many entries' },
  policy: { type: 'text', is: 'of a two-way channel: its `conflict.policy`' },
  merge: { type: 'text', is: 'of a two-way channel: its `conflict.merge`' },
  initial: { type: 'text', is: 'of a channel' },
  existing: { type: 'text', is: 'of a channel' },
  ddl: { type: 'text', is: 'of a channel' },
  on_error: { type: 'text', is: 'of a channel' },
  lanes: { type: 'number', is: 'of a channel: `apply.lanes`' },
  enabled: { type: 'truth', is: 'of a channel' },
  dry_run: { type: 'truth', is: 'of a channel' },
} as const satisfies Record<string, FactColumn>;

export type ObjectFacts = Partial<Record<keyof typeof OBJECT_FACTS, Fact>>;
export type Facts = Readonly<Record<string, Fact>>;

/** Every column, in order, with its type. */
export const FACT_COLUMNS: readonly (readonly [name: string, type: FactType])[] = [
  ...Object.entries(CHANGE_FACTS).map(([name, { type }]) => [name, type] as const),
  ...Object.entries(OBJECT_FACTS).flatMap(([name, { type }]) => [
    [name, type] as const,
    [`was_${name}`, type] as const,
  ]),
];
