/** OT8xxx: files. OT800x roots and what otter keeps there, OT801x files on their way, OT802x files that rows name. */
import type { Explanation } from '../explanation.ts';

export const FILES_CODES = {
  OT8001: {
    title: 'Root of a file set unusable',
    meaning:
      'The directory that `roots` names for the region is not there, is no directory, or cannot be written by the user that the node runs as. Otter keeps its bookkeeping in `.otter` of every root, also where files only come from.',
    action:
      'Make the directory, or let the user of the node write it. The node tries again by itself. A root that is gone is never taken for files that were deleted.',
  },
  OT8002: {
    title: 'Root served by another process',
    meaning:
      'Another process has the bookkeeping of this root open: another node that has not stopped yet, or another topology with a file set of the same name in the same directory.',
    action: 'Nothing, if a node is just being replaced. Else give each set a directory of its own.',
  },
  OT8003: {
    title: 'Bookkeeping of a root unusable',
    meaning:
      'The file `.otter/SET.db` of a root, where otter keeps what it knows of the files there, cannot be read or written.',
    action:
      'See whether the disk is full or read-only. A file that is damaged may be removed: everything is looked at anew then, and nothing is sent that is there already.',
  },
  OT8010: {
    title: 'No room for files',
    meaning: 'The file system of the target’s root has less room than what is to come, and 64 MiB to spare.',
    action: 'Make room. The flow goes on by itself, where it was.',
  },
  OT8011: {
    title: 'File refused',
    meaning:
      'A path leaves the root, has a part that is a link, or is no plain file where one belongs: otter neither follows links nor replaces what is no file. Others go on; it is counted in `refused` or `failures` of the flow.',
    action: 'See what stands at that path. Where it should be a file, take the link or device away.',
  },
  OT8012: {
    title: 'File not brought',
    meaning:
      'The system refuses to read a file at its source, or to write it at its target. Others go on, and it is tried again.',
    action: 'The message has the path and the reason; permissions of the user that the node runs as are the usual one.',
  },
  OT8013: {
    title: 'Files answered in a way that is not understood',
    meaning:
      'The other side of a flow sends what this version of otter does not know, or a content that is not what it said it was.',
    action: 'Bring both nodes to the same version. It is tried again by itself.',
  },
  OT8020: {
    title: 'File of a row missing',
    meaning:
      'A row names a file that is not at its source. With `missing: wait` the pipeline waits for it, with `stop` it stops before the row, with `continue` the row goes on without.',
    action: 'Put the file there, or choose `missing: continue`. The pipeline goes on by itself.',
  },
  OT8021: {
    title: 'Files of a row cannot be told',
    meaning:
      '`follow.path` names a column that the rows do not have where they come from, or one whose values are no texts.',
    action:
      'Correct `follow.path`: columns are named as at the source of the pipeline. The pipeline stands before the row and goes on by itself.',
  },
  OT8022: {
    title: 'Files of rows cannot be fetched',
    meaning:
      'Rows wait for files that they name, and no side of the file set answers: the node that serves the region of the source is away, or the one of the target’s region.',
    action: 'See `otter status` for the nodes. The pipeline goes on by itself.',
  },
} as const satisfies Record<string, Explanation>;
