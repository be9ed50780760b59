/** A screen of a terminal, as tmux captures it with its colours, as a picture. */

/** Of a terminal in the dark. */
const PALETTE = {
  ground: '#10151c',
  frame: '#2a3441',
  plain: '#d4dae2',
  dim: '#76818f',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  36: '#6cc7e8',
} as const;
const CELL = { width: 8.4, height: 18, size: 14 };
const EDGE = 14;

interface Style {
  readonly colour: 31 | 32 | 33 | 36 | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
}
interface Run extends Style {
  readonly text: string;
  readonly column: number;
}

const PLAIN: Style = { colour: null, bold: false, dim: false, inverse: false };

/** @param captured what `tmux capture-pane -e -p` prints */
export function svgOf(captured: string, columns: number, title: string): string {
  const lines = captured.replace(/\n$/, '').split('\n');
  const width = round(columns * CELL.width + 2 * EDGE);
  const height = lines.length * CELL.height + 2 * EDGE;
  let style = PLAIN;
  const rows = lines.map((line, row) => {
    const parsed = runsOf(line, style);
    style = parsed.style;
    return parsed.runs.map((run) => drawn(run, row)).join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${PALETTE.ground}" stroke="${PALETTE.frame}"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${CELL.size}" xml:space="preserve">`,
    ...rows.filter((row) => row !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function runsOf(line: string, from: Style): { readonly runs: readonly Run[]; readonly style: Style } {
  const runs: Run[] = [];
  let style = from;
  let column = 0;
  for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
    const codes = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
    if (codes !== undefined) for (const code of codes.split(';')) style = turned(style, Number(code));
    else if (part !== '') {
      runs.push({ ...style, text: part, column });
      column += [...part].length;
    }
  }
  return { runs, style };
}

function turned(style: Style, code: number): Style {
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 7:
      return { ...style, inverse: true };
    case 22:
      return { ...style, bold: false, dim: false };
    case 27:
      return { ...style, inverse: false };
    case 31:
    case 32:
    case 33:
    case 36:
      return { ...style, colour: code };
    // Nothing has a ground of its own.
    case 49:
      return style;
    case 39:
      return { ...style, colour: null };
    default:
      throw new Error(`no picture has the code ${code}`);
  }
}

/** Every piece is as wide as its columns, whatever the font is. */
function drawn({ text, column, colour, bold, dim, inverse }: Run, row: number): string {
  const x = round(EDGE + column * CELL.width);
  const y = EDGE + row * CELL.height;
  const length = round([...text].length * CELL.width);
  const ink = colour === null ? (dim ? PALETTE.dim : PALETTE.plain) : PALETTE[colour];
  const back = inverse ? `<rect x="${x}" y="${y}" width="${length}" height="${CELL.height}" fill="${ink}"/>` : '';
  if (text.trim() === '') return back;
  const weight = bold ? ' font-weight="bold"' : '';
  const fill = inverse ? PALETTE.ground : ink;
  return `${back}<text x="${x}" y="${y + 14}" fill="${fill}"${weight} textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
