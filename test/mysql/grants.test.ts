/** What SHOW GRANTS prints, read. */
import { expect, test } from 'vitest';
import { parseGrant } from '../../src/mysql/grants.ts';

test.each([
  ['GRANT USAGE ON *.* TO `otter`@`%`', { privileges: ['USAGE'], schema: null, table: null }],
  [
    "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `otter`@`%` IDENTIFIED BY PASSWORD '*2470'",
    { privileges: ['REPLICATION SLAVE', 'BINLOG MONITOR'], schema: null, table: null },
  ],
  [
    'GRANT SELECT, TRIGGER ON `sh``op\\_%`.* TO `otter`@`%`',
    { privileges: ['SELECT', 'TRIGGER'], schema: 'sh`op\\_%', table: null },
  ],
  ['GRANT SELECT ON `shop`.`a ON b` TO `otter`@`%`', { privileges: ['SELECT'], schema: 'shop', table: 'a ON b' }],
  [
    'GRANT ALL PRIVILEGES ON `shop`.* TO `otter`@`%` WITH GRANT OPTION',
    { privileges: ['ALL PRIVILEGES'], schema: 'shop', table: null },
  ],
  [
    'GRANT INSERT (`a`, `b`), SELECT, UPDATE (`a`) ON `shop`.`t` TO `otter`@`%`',
    { privileges: ['SELECT'], schema: 'shop', table: 't' },
  ],
])('%s', (text, grant) => {
  expect(parseGrant(text)).toEqual([grant]);
});

test.each([
  'GRANT `reader`@`%` TO `otter`@`%`',
  'SET DEFAULT ROLE `reader` FOR `otter`@`%`',
  'GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `otter`@`%`',
  "GRANT PROXY ON ''@'' TO 'otter'@'%'",
  'REVOKE SELECT ON `shop`.* FROM `otter`@`%`',
])('%s grants nothing on tables', (text) => {
  expect(parseGrant(text)).toEqual([]);
});
