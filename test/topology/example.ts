/** The example of the topology language's contract, whole; and a small base that tests vary. */
export const EXAMPLE = `# yaml-language-server: $schema=../../schema/topology.schema.json
version: 1
name: shop                                   # one topology = one prefix in the state store

vars:                                        # \${var.NAME} anywhere; --var NAME=VALUE, --var-file, OTTER_VAR_NAME
  hz_host: { default: "127.0.0.1:3306" }

regions:
  hangzhou: { description: home }
  california: {}

nodes:                                       # worker processes; a node serves the databases of its own region
  hz-1: { region: hangzhou,   listen: "127.0.0.1:7401" }     # advertise: defaults to listen
  ca-1: { region: california, listen: "127.0.0.1:7402" }

databases:
  hz:
    region: hangzhou
    engine: mysql                            # mysql | mariadb | oracle
    endpoints: ["\${var.hz_host}", "10.1.0.11:3306"]          # in order of preference; the rest are failover
    user: otter
    password: { env: HZ_PASSWORD }           # env | file; a reference is resolved by the node, never stored
    protect: true                            # a plan that destroys this is refused
  ca:
    region: california
    engine: mariadb
    endpoints: ["127.0.0.1:3307"]
    user: otter
    password: { env: CA_PASSWORD }
  dw:
    region: hangzhou
    engine: oracle
    endpoints: ["dw.internal:1521/FREEPDB1"]
    user: OTTER
    password: { file: /run/secrets/dw }

channels:
  shop:                                      # two-way: between. One-way: from + to (either may be a list: merge, fan-out)
    between: [hz, ca]
    conflict: { policy: site-priority, priority: [hz, ca] }
    initial: copy                            # copy existing rows first | none
    ddl: replicate                           # replicate | ignore | stop
    tables:
      - shop.orders                          # same name on both sides
      - shop.order_item_[0-31]               # numbered shards; [00-31] keeps the zeros
      - shop.log_*                           # wildcard; /regex/ too; new matching tables join by themselves
      - from: shop.customer                  # in a two-way channel \`from\` is the first database's name, \`to\` the second's
        to: crm.client
        columns: { omit: [ssn], rename: { name: full_name } }  # or only: [...]
        conflict: { policy: last-write-wins, by: updated_at, merge: column, counters: [points] }
  warehouse:
    from: hz
    to: dw
    tables:
      - { from: shop.orders, to: DW.ORDERS, where: "status <> 'draft'" }
      - { from: "shop.order_item_[0-31]", to: DW.ORDER_ITEM }   # shards merged into one table

files:
  product-images:
    between: [hangzhou, california]          # or from/to; regions, not databases
    roots: { hangzhou: /data/images, california: /srv/images }
    follow: { channel: shop, table: shop.product, path: "{category}/{image}" }   # files named by replicated rows
    # watch: ["**/*.jpg"]                    # or: a directory tree, kept the same
    delete: keep                             # keep | mirror
    bandwidth: 50MB/s

alerts:
  shop-lag: { channel: shop, when: "lag > 30s", for: 1m, notify: [ops] }
notify:
  ops: { webhook: { env: OPS_WEBHOOK } }
`;

/** Two regions, nodes and databases; a test adds channels. */
export const BASE = `version: 1
name: t
regions: { a: {}, b: {} }
nodes:
  a1: { region: a, listen: "127.0.0.1:7401" }
  b1: { region: b, listen: "127.0.0.2:7401" }
databases:
  hz: { region: a, engine: mariadb, endpoints: ["10.0.1.1:3306"], user: otter, password: { env: P } }
  ca: { region: b, engine: mysql, endpoints: ["10.0.1.2:3306"], user: otter, password: { env: P } }
`;
