/** `otter init`: a small commented topology, the editor's settings, and a workflow that plans in pull requests. */
import { OtterError } from '../model/error.ts';
import { type Context, EXIT } from './context.ts';

const TOPOLOGY = `# yaml-language-server: $schema=../../schema/topology.schema.json
# A topology: which databases are kept the same, and how. Check it with \`otter validate\`, see \`otter plan\`, then \`otter apply\`.
version: 1
name: example

regions:
  here: { description: where the first database is }
  there: { description: where the second one is }

# Worker processes: start each with \`otter node NAME\`, or all of them in one process with \`otter up\`.
nodes:
  here-1: { region: here, listen: "127.0.0.1:7401" }
  there-1: { region: there, listen: "127.0.0.1:7402" }

databases:
  first:
    region: here
    engine: mariadb
    endpoints: ["127.0.0.1:3306"]
    user: otter
    password: { env: FIRST_PASSWORD }      # resolved by the node, never stored
  second:
    region: there
    engine: mariadb
    endpoints: ["127.0.0.1:3307"]
    user: otter
    password: { env: SECOND_PASSWORD }

channels:
  main:
    between: [first, second]               # two-way; one-way is from: first, to: second
    conflict: { policy: site-priority, priority: [first, second] }
    initial: copy                          # existing rows of the first are copied to the second
    tables:
      - shop.orders
`;

const WORKFLOW = `# Checks the topology in every pull request, and shows what applying it would do.
name: otter
on: pull_request
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      # Bring otter onto the PATH here: check out its repository, \`npm ci\` there, and add its \`bin\` to $GITHUB_PATH.
      - run: otter validate --format github
      - run: otter plan --format markdown >> "$GITHUB_STEP_SUMMARY"
        env: { OTTER_STATE: "\${{ secrets.OTTER_STATE }}" }
`;

export function init(context: Context, folder = '.'): number {
  const { writeFile, schema, exists } = context.parts;
  const at = (path: string): string => `${folder.replace(/\/$/, '')}/${path}`;
  const files: [string, string][] = [
    ['topologies/example/topology.yaml', TOPOLOGY],
    ['schema/topology.schema.json', schema()],
    [
      '.vscode/settings.json',
      `${JSON.stringify({ 'yaml.schemas': { './schema/topology.schema.json': 'topologies/**/*.yaml' } }, null, 2)}\n`,
    ],
    ['.github/workflows/otter.yaml', WORKFLOW],
  ];
  const there = files.flatMap(([path]) => (exists(at(path)) ? [at(path)] : []));
  if (there.length > 0) {
    throw new OtterError('OT7003', `there already, and left alone: ${there.join(', ')}`, {
      hint: 'Give a folder of its own, for example: otter init shop',
    });
  }
  for (const [path, text] of files) {
    writeFile(at(path), text, { fresh: true });
    context.stdout.write(`wrote ${at(path)}\n`);
  }
  const go = folder === '.' ? '' : `cd ${folder}, then `;
  context.stdout.write(`Next: ${go}edit the topology, then \`otter validate\` and \`otter plan\`.\n`);
  return EXIT.done;
}
