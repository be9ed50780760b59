/**
 * A topology that is being written: what its file will say, in the order in which it will say it, with what a person has to
 * know beside each part. `write.ts` makes the text of it.
 */

/** Plain data; what is undefined is not written. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value | undefined };
export type Fields = Readonly<Record<string, Value | undefined>>;

/** A region, node, database, receiver or alert. */
export interface Item {
  readonly name: string;
  readonly fields: Fields;
  /** Sentences, each a paragraph. */
  readonly notes: readonly string[];
}

export interface DraftTable {
  /** `from`, and more where there is more to say. */
  readonly fields: Fields & { readonly from: string };
  readonly notes: readonly string[];
}

/** What would not do the same here: it stands in the file as a comment, with the reason. */
export interface LeftOut {
  readonly fields: Fields;
  readonly why: readonly string[];
}

export interface DraftChannel extends Item {
  readonly tables: readonly DraftTable[];
  readonly leftOut: readonly LeftOut[];
}

export interface LeftChannel {
  readonly channel: DraftChannel;
  readonly why: readonly string[];
}

export interface Draft {
  readonly name: string;
  readonly notes: readonly string[];
  readonly regions: readonly Item[];
  readonly nodes: readonly Item[];
  readonly databases: readonly Item[];
  readonly channels: readonly DraftChannel[];
  /** Channels that stand in the file as a comment. */
  readonly leftOut: readonly LeftChannel[];
  readonly notify: readonly Item[];
  readonly alerts: readonly Item[];
}
