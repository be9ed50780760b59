/** What a node says of itself on its own port, for who looks while the state store does not answer. */
import type { NodeAnswer } from '../model/records.ts';
import { ask } from './ask.ts';
import type { Credentials } from './credentials.ts';
import { list, number, parseJson, record, string } from './decode.ts';

export const FIGURES_PATH = '/otter/figures';

/** @throws as `ask` */
export async function askNode(advertise: string, credentials: Credentials, signal: AbortSignal): Promise<NodeAnswer> {
  return ask(advertise, FIGURES_PATH, credentials, signal, answerOf);
}

/** What `otter status` relies on is there; the rest is as the node of this version writes it to the state store too. */
function answerOf(text: string): NodeAnswer {
  const answer = record(parseJson(text));
  const node = record(answer['record']);
  string(answer['topology']);
  string(answer['node']);
  number(answer['serial']);
  list(node['databases']);
  record(node['pipelines']);
  for (const generation of Object.values(record(answer['generations']))) number(generation);
  return answer as unknown as NodeAnswer;
}
