/**
 * What the side that gets files asks of the side that has them, and how it is answered.
 *
 * A *byte path* is a path below a root, its bytes as the characters U+0000 to U+00FF of a text: names have any bytes, and texts can be
 * keys of maps, stand in JSON, and sort as bytes do.
 */
import type { FileSideSpec } from './files.ts';
import type { FileComparison, FlowComparison } from './files-check.ts';
import type { FileFlowFigures } from './records.ts';

export type BytePath = string;

/** What a file holds and is like; links, devices and directories are never described. */
export interface FileContent {
  readonly size: number;
  /** Microseconds since 1970: Node sets times no finer. */
  readonly mtimeUs: number;
  /** Permissions only. */
  readonly mode: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

/** A change of one file at one side: the count of its changes there. */
export interface Dot {
  /** `region.epoch`: a side that has lost its catalogue counts anew, under another name. */
  readonly actor: string;
  readonly count: number;
}

/** Which changes a file has seen, by actor, and which one made it what it is. */
export interface FileVersion {
  readonly clock: Readonly<Record<string, number>>;
  readonly dot: Dot;
}

export interface FileState {
  /** Null: it was there and is gone. */
  readonly content: FileContent | null;
  readonly version: FileVersion;
}

export interface FileChange extends FileState {
  readonly path: BytePath;
  /** Place in the order of changes of the side that tells it. */
  readonly seq: number;
}

export interface FileWish {
  readonly path: BytePath;
  /** That it is wanted with; a file that has another by now is not sent. */
  readonly hash: string;
  /** What is here already. */
  readonly from: number;
}

export type FileRequest =
  /** Changes behind a place, in order, and those that come; of another epoch all. */
  | { readonly op: 'changes'; readonly epoch: string; readonly after: number }
  /** Contents. */
  | { readonly op: 'read'; readonly files: readonly FileWish[] }
  /** Where the pieces of a large file begin and what they hash to. */
  | { readonly op: 'pieces'; readonly path: BytePath; readonly hash: string }
  /** Parts of one file. */
  | { readonly op: 'parts'; readonly path: BytePath; readonly hash: string; readonly parts: readonly FilePart[] }
  /** What is known of these paths now, looked at anew. */
  | { readonly op: 'look'; readonly paths: readonly BytePath[] }
  /** Of a side that follows rows: that it get these from the side of that region, now, or at once after. */
  | { readonly op: 'bring'; readonly source: string; readonly paths: readonly BytePath[]; readonly later: boolean }
  /** Everything, in the order of paths, looked at anew; with `hash` read whole. */
  | { readonly op: 'list'; readonly after: BytePath; readonly hash: boolean };

export type FilePart = readonly [offset: number, length: number];

/** Head and body of one answer; an answer is one or more of them. */
export interface FileFrame {
  readonly head: FileHead;
  readonly body: Uint8Array;
  /** It does not get smaller by being packed. */
  readonly plain?: boolean;
}

/** Of `read`: which file of the request, how many bytes of the body, whether it is complete; or why it does not come. */
export type ReadPart = readonly [file: number, length: number, last: boolean, problem: ReadProblem | null];
/** `changed`: it has other contents by now. `unreadable`: the system refuses it. */
export type ReadProblem = 'changed' | 'unreadable';

export type FileHead =
  | {
      readonly kind: 'changes';
      readonly epoch: string;
      /** These are not what follows the place that was asked for, but all from the beginning. */
      readonly anew: boolean;
      readonly changes: readonly FileChange[];
      /** The newest place there is, and what lies between. */
      readonly head: number;
      readonly behind: { readonly files: number; readonly bytes: number };
      /** Everything that is there has been looked at once. */
      readonly whole: boolean;
    }
  | { readonly kind: 'read'; readonly parts: readonly ReadPart[] }
  | { readonly kind: 'pieces'; readonly pieces: readonly (readonly [length: number, hash: string])[] }
  /** Those of `bring` that the source does not have. */
  | { readonly kind: 'brought'; readonly missing: readonly BytePath[] }
  | {
      readonly kind: 'known';
      readonly changes: readonly FileChange[];
      readonly done: boolean;
      /** Of `list` with `hash`: files whose bytes have changed on disk though nobody wrote them. */
      readonly damaged?: readonly BytePath[];
    };

/** The side that has files. */
export interface FileService {
  /** Ends by itself, but for `changes`, which ends with the signal. @throws OtterError */
  ask(request: FileRequest, signal: AbortSignal): AsyncIterable<FileFrame>;
}

/** Asks whichever node serves a side now. */
export interface FileLink {
  /** @throws OtterError retry 'backoff' when nobody serves it, or the link is cut */
  ask(side: string, request: FileRequest, signal: AbortSignal): AsyncIterable<FileFrame>;
}

/** A side that this node serves, alive. */
export interface RunningFiles {
  /** Converges to the desired state. Returns at once. */
  update(spec: FileSideSpec): void;
  /** Live figures of the flows into this side, by their names. */
  figures(): Readonly<Record<string, FileFlowFigures>>;
  readonly service: FileService;
  /** Compares every flow into this side; `progress` is told of each as it goes. @throws OtterError */
  compare(
    asked: FileComparison,
    progress: (flow: string, counts: FlowComparison) => void,
    signal: AbortSignal,
  ): Promise<void>;
  stop(): Promise<void>;
  /** The set left the topology: as `stop`, and what otter keeps beside the files is removed. */
  retire(): Promise<void>;
}
