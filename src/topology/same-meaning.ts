/** Whether two YAML texts say the same, in the same order, with the same anchors and the same comments. */
import type { Node, Pair } from 'yaml';
import { isAlias, isMap, isPair, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { commentsOf } from './comments.ts';

export function sameMeaning(one: string, other: string): boolean {
  return shapeOf(one) === shapeOf(other) && comments(one) === comments(other);
}

function comments(text: string): string {
  return JSON.stringify(commentsOf(text).map((comment) => comment.text.trimEnd()));
}

function shapeOf(text: string): string {
  const documents = parseAllDocuments(text, {
    version: '1.2',
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  if ('empty' in documents) return '[]';
  return JSON.stringify(
    documents.map((document) => [document.errors.map(({ code }) => code), shape(document.contents as Node | null)]),
  );
}

function shape(node: Node | Pair | null | undefined): unknown {
  if (node === null || node === undefined) return null;
  if (isPair(node)) return [shape(node.key as Node | null), shape(node.value as Node | null)];
  if (isAlias(node)) return ['alias', node.source];
  const { tag, anchor } = node as { tag?: string; anchor?: string };
  const marks = [tag ?? '', anchor ?? ''];
  if (isScalar(node)) return ['scalar', typeof node.value, String(node.value), node.type, ...marks];
  if (isMap(node) || isSeq(node))
    return [isMap(node) ? 'map' : 'list', node.flow === true, ...marks, node.items.map((item) => shape(item as Node))];
  return ['unknown'];
}
