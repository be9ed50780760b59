/**
 * Who may import whom. Each wing may import itself, `model` and what its row names; everything else is forbidden, so a new
 * wing needs a row. Pure wings use no package and nothing of Node's but what their row names.
 */
const WINGS = {
  model: [],
  // The language of conditions, which rules are written in too.
  topology: ['^src/replication/expression/facts\\.ts$'],
  planner: ['^src/replication/expression/facts\\.ts$'],
  replication: [],
  inspect: ['^src/replication/'],
  import: ['^src/inspect/'],
  state: [],
  mysql: [],
  oracle: [],
  link: [],
  // How fast files may go, as rows.
  files: ['^src/replication/bucket\\.ts$'],
  observe: [],
  notify: [],
  lab: [],
  render: ['^src/planner/'],
  // What a node tells of itself, and the rules of alerts, which are pure.
  executor: ['^src/planner/', '^src/state/(keys|lock)\\.ts$', '^src/observe/(status\\.ts$|alerts/)'],
  site: ['^src/replication/'],
  verify: ['^src/replication/'],
  dashboard: ['^src/observe/'],
  cli: [
    '^src/topology/',
    '^src/planner/',
    '^src/inspect/',
    '^src/import/',
    '^src/render/',
    '^src/executor/',
    '^src/observe/',
    '^src/dashboard/',
    '^src/verify/',
    // What `verify` is made of, and no rule of its own.
    '^src/replication/(bucket|making|compared-groups)\\.ts$',
  ],
};

const ASSERT = '^(node:)?assert(/strict)?$';
const PACKAGE = 'node_modules/';

/** Pure wings, with the packages they may use all the same. */
const PURE = {
  model: ['(^|/)node_modules/re2js/'],
  topology: ['(^|/)node_modules/(yaml|ajv)/'],
  planner: [],
  replication: ['(^|/)node_modules/(@types/)?big\\.js/'],
  inspect: [],
  import: ['(^|/)node_modules/yaml/'],
};

const FILE_ROOM = '^src/topology/read\\.ts$';

const wingRules = Object.entries(WINGS).map(([wing, allowed]) => ({
  name: `${wing}-imports`,
  comment: `${wing} imports ${wing === 'model' ? 'nothing of src' : `itself and model${allowed.length > 0 ? ', and what its row names' : ''}`}`,
  severity: 'error',
  from: { path: `^src/${wing}/` },
  to: { path: '^src/', pathNot: [`^src/${wing}/`, '^src/model/', ...allowed] },
}));

const pureRules = Object.entries(PURE).flatMap(([wing, packages]) => [
  {
    name: `${wing}-uses-no-node`,
    comment: `${wing} decides and touches nothing: of Node's modules it may use assert${wing === 'topology' ? ' (read.ts alone opens files)' : ''}`,
    severity: 'error',
    from: { path: `^src/${wing}/`, ...(wing === 'topology' ? { pathNot: FILE_ROOM } : {}) },
    to: { dependencyTypes: ['core'], pathNot: ASSERT },
  },
  {
    name: `${wing}-uses-no-package`,
    comment: `${wing} is pure; packages in it are named in its row`,
    severity: 'error',
    from: { path: `^src/${wing}/` },
    to: { path: PACKAGE, ...(packages.length > 0 ? { pathNot: packages } : {}) },
  },
]);

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'rooms that import each other are one room, or hide a third',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'known-wings',
      comment: 'a room lies in a wing of the table, or is one of those at the top that may import anything',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [`^src/(${Object.keys(WINGS).join('|')})/`, '^src/(main|compose|data-plane|demo)\\.ts$'],
      },
      to: {},
    },
    {
      name: 'not-resolvable',
      comment: 'an import that leads nowhere',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'files-are-read-in-one-room',
      comment:
        'topology/read.ts finds and opens files, says by a digest what is in them, and does nothing else of Node',
      severity: 'error',
      from: { path: FILE_ROOM },
      to: { dependencyTypes: ['core'], pathNot: ['^(node:)?(fs|fs/promises|path|url|crypto)$', ASSERT] },
    },
    ...wingRules,
    ...pureRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
