/** OT6xxx: links between nodes. */
import type { Explanation } from '../explanation.ts';

export const LINK_CODES = {
  OT6001: {
    title: 'Node unreachable',
    meaning:
      'The node that owns the source of a pipeline did not answer at the address it advertises, or did not speak as a node does.',
    action:
      'See whether that node runs (`otter status`), and whether its `advertise` address can be reached from here. The pipeline tries again by itself and goes on from its checkpoint.',
  },
  OT6002: {
    title: 'Link cut',
    meaning:
      'The connection between two nodes ended in the middle of a pipeline. Nothing is lost: what was not applied is sent again.',
    action:
      'Nothing; the pipeline connects again and goes on from its checkpoint. If it happens often, look at the network between the two nodes.',
  },
  OT6003: {
    title: 'Database not owned there',
    meaning: 'The node that was asked for the log of a database does not own that database, or does not own it yet.',
    action:
      'Nothing, if the database is just moving from one node to another; otherwise see `otter status` for who owns it.',
  },
  OT6004: {
    title: 'No node owns the database',
    meaning: 'A pipeline needs the log of a database that no living node owns, so there is nobody to ask.',
    action: 'Start a node of the region that the database is in: `otter node NAME`.',
  },
  OT6005: {
    title: 'Nodes speak different versions',
    meaning: 'The two nodes run versions of otter whose link protocols do not fit together.',
    action: 'Bring both nodes to the same version and restart the older one; pipelines between them wait until then.',
  },
  OT6006: {
    title: 'Nodes of different topologies',
    meaning:
      'The node at that address serves another topology, or the same files applied to another state store (its lineage differs). Nothing is exchanged between them.',
    action: 'Correct the `advertise` address, or start both nodes with the same `--state`.',
  },
  OT6007: {
    title: 'Link data cannot be read',
    meaning: 'What arrived from the other node is damaged or is not what the protocol says. None of it was used.',
    action:
      'Nothing, if it happens once: the pipeline connects again and goes on from its checkpoint. Otherwise look at what stands between the two nodes.',
  },
  OT6008: {
    title: 'Change too large for the link',
    meaning: 'A single change or chunk of rows is larger than what a link carries in one piece.',
    action:
      'Leave the large column out (`columns.omit`), or let one node own both databases: inside one process there is no such limit.',
  },
  OT6009: {
    title: 'The other node failed',
    meaning:
      'The node that owns the source stopped this pipeline by a fault that has no code here: a bug, or an error of a newer version.',
    action: 'See the log of that node. The pipeline tries again by itself.',
  },
  OT6010: {
    title: 'Node cannot listen',
    meaning: 'The node could not open the address that it listens on for its peers.',
    action: 'Correct `listen` of the node in the topology, or end the process that holds the port.',
  },
  OT6011: {
    title: 'Link credentials cannot be used',
    meaning:
      'The certificates or the token that `link` names could not be read where they are needed, or are not what they should be.',
    action:
      'Correct what the message names, at that machine; docs/links.md has the commands that make certificates. A node that runs goes on with what it had before, and tries again by itself.',
  },
  OT6012: {
    title: 'Certificate not accepted',
    meaning:
      'One of the two nodes does not accept the certificate of the other: it comes from another authority, has expired or is not valid yet, is for another host, or none was shown. Nothing is exchanged between them.',
    action:
      'Put a certificate of the authority that `link.tls.ca` names at the node that the message names. New files count from the next connection on; pipelines try again by themselves.',
  },
  OT6013: {
    title: 'Nodes protect the link in different ways',
    meaning:
      'One of the two nodes speaks TLS, or asks for a token, and the other does not. That is so for a moment while a change of `link` spreads.',
    action:
      'Nothing, if `link` has just been changed. Otherwise see with `otter status` whether one of the nodes could not take up the change (`otter explain OT6011`), or uses another state store.',
  },
  OT6014: {
    title: 'Tokens differ',
    meaning:
      'The two nodes have different tokens for their link, so they do not belong together. Nothing is exchanged.',
    action: 'Give both the same token where `link.token` says, and restart a node that has it in its environment.',
  },
} as const satisfies Record<string, Explanation>;
