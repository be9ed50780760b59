/** The interfaces of a source file as tables of their fields: names, types and what their comments say. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

export interface Told {
  readonly name: string;
  /** A section of Markdown. */
  readonly table: string;
}

export function interfacesOf(path: string): Told[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  return file.statements.filter(ts.isInterfaceDeclaration).map((one) => {
    const name = one.name.text;
    const rows = one.members.filter(ts.isPropertySignature).map((member) => {
      const type = (member.type?.getText() ?? '').replaceAll('readonly ', '').replaceAll(/\s+/g, ' ');
      const field = `${member.name.getText()}${member.questionToken === undefined ? '' : '?'}`;
      return `| \`${field}\` | \`${type.replaceAll('|', '\\|')}\` | ${said(member)} |`;
    });
    const about = said(one);
    const table = `| field | type | is |\n| --- | --- | --- |\n${rows.join('\n')}`;
    return { name, table: `## ${name}\n\n${about === '' ? '' : `${about}\n\n`}${table}` };
  });
}

function said(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '');
  return comments.join(' ').replaceAll('\n', ' ').replaceAll('|', '\\|');
}
