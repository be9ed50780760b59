/** What `otter explain CODE` prints about a code. */
export interface Explanation {
  /** A few words, as a heading. */
  readonly title: string;
  /** What it means and why it is an error; sentences for a person at 3 a.m. */
  readonly meaning: string;
  /** What to do; sentences, with commands where there are any. */
  readonly action: string;
}
