/** `otter init`: a small commented topology, the editor's settings, and a workflow that plans in pull requests. */
import { OtterError } from '../model/error.ts';
import { type Context, EXIT } from './context.ts';

const TOPOLOGY = `# yaml-language-server: $schema=../../schema/topology.schema.json
# A topology: which databases are kept the same, and how. Check it with \`otter validate\`, see \`otter plan\`, then \`otter apply\`.
# What is other in production goes into env/prod.yaml beside this file: \`otter plan --env prod\`.
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
permissions: { contents: read }
jobs:
  plan:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      # Bring otter onto the PATH here: check out its repository, \`npm ci\` there, and add its \`bin\` to $GITHUB_PATH.
      - run: otter fmt --check
      - run: otter validate --format github
      - run: otter plan --format markdown >> "$GITHUB_STEP_SUMMARY"
        env: { OTTER_STATE: "\${{ secrets.OTTER_STATE }}" }
`;

const SETTINGS = { 'yaml.schemas': { './schema/topology.schema.json': 'topologies/**/*.yaml' } };

interface Planned {
  readonly path: string;
  readonly text: string;
  /** What to put into a file that is there already; null where that is no place to add to. */
  readonly add: string | null;
}

/** Writes what is not there yet. A file of the person's own is left alone, and said what to add to it. */
export function init(context: Context, folder = '.'): number {
  const { writeFile, readFile, schema, exists } = context.parts;
  const at = (path: string): string => `${folder.replace(/\/$/, '')}/${path}`;
  const topology = at('topologies/example/topology.yaml');
  if (exists(topology)) {
    throw new OtterError('OT7003', `there already, and left alone: ${topology}`, {
      hint: 'Give a folder of its own, for example: otter init shop',
    });
  }
  const files: Planned[] = [
    { path: 'topologies/example/topology.yaml', text: TOPOLOGY, add: null },
    { path: 'schema/topology.schema.json', text: schema(), add: null },
    {
      path: '.vscode/settings.json',
      text: `${JSON.stringify(SETTINGS, null, 2)}\n`,
      add: JSON.stringify(SETTINGS).slice(1, -1),
    },
    { path: '.gitignore', text: '# The state of a single machine.\n.otter/\n', add: '.otter/' },
    { path: '.github/workflows/otter.yaml', text: WORKFLOW, add: null },
  ];
  for (const { path, text, add } of files) {
    if (!exists(at(path))) {
      writeFile(at(path), text, { fresh: true });
      context.stdout.write(`wrote ${at(path)}\n`);
    } else if (add !== null && !readFile(at(path)).includes(add))
      context.stdout.write(`left ${at(path)} as it is; add to it: ${add}\n`);
    else context.stdout.write(`left ${at(path)} as it is\n`);
  }
  const go = folder === '.' ? '' : `cd ${folder}, then `;
  context.stdout.write(`Next: ${go}edit the topology, then \`otter validate\` and \`otter plan\`.\n`);
  return EXIT.done;
}
