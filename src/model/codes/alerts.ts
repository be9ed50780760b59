/** OT8xxx: notices to people. */
import type { Explanation } from '../explanation.ts';

export const ALERT_CODES = {
  OT8150: {
    title: 'Receiver refused a notice',
    meaning: 'The webhook of a receiver answered with another status than 2xx. A redirect is not followed.',
    action:
      'See that the address which its reference gives is right and takes JSON by POST. It is tried again by itself.',
  },
  OT8151: {
    title: 'Receiver not reached',
    meaning:
      'The webhook or mail server of a receiver cannot be connected to from the node, or did not answer in time.',
    action:
      'Check the address and the network from the node that `otter alerts` names. It is tried again by itself; `otter alerts test RECEIVER` tries at once.',
  },
  OT8152: {
    title: 'Receiver without a usable address',
    meaning: 'What the reference of a webhook gives on the node is not an http or https address.',
    action: 'Correct the environment variable or file on every node: any of them may be the one that sends.',
  },
  OT8153: {
    title: 'Command of a receiver failed',
    meaning:
      'The program of a receiver could not be run, ended with another code than 0, or was ended because it took too long.',
    action:
      'Run it by hand as the user of the node. It must be there, and executable, on every node. It is tried again by itself.',
  },
  OT8154: {
    title: 'Mail refused',
    meaning: 'The mail server answered, and refused the login, the sender, a recipient or the message.',
    action: 'Check `to`, `from`, `user` and `password` of the receiver with who runs the mail server.',
  },
  OT8155: {
    title: 'No such alert or receiver',
    meaning: 'What was named is no alert, no receiver and nothing that alerts watch, among what is applied.',
    action: '`otter alerts` lists alerts and receivers. What is only in the files has to be applied first.',
  },
  OT8156: {
    title: 'Nobody watches',
    meaning: 'No node has taken up what was asked: notices are sent by a node, and none runs that could.',
    action: 'See `otter status` for the nodes, and start one: `otter node NAME`.',
  },
} as const satisfies Record<string, Explanation>;
