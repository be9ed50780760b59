/** Backlogs: tables, the rows that are there before, and a procedure `fill(n)` that writes n transactions and sets @written. */

export interface Workload {
  readonly name: string;
  /** Per call of `fill`, at scale 1: what a native replica on two cores takes about ten seconds for, so that how both begin does not count. */
  readonly transactions: number;
  /** What `@written` counts. */
  readonly unit: 'transactions' | 'rows';
  /** How many times as fast as a native replica otter shall be. */
  readonly wanted: number;
  readonly tables: string;
  readonly rows?: string;
  readonly writer: string;
}

const SYSBENCH_ROWS = 100_000;
const HOT_ROWS = 100;

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'inserts',
    transactions: 240_000,
    unit: 'transactions',
    wanted: 3,
    tables: `CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(10,2) NOT NULL,
      status VARCHAR(20) NOT NULL, note VARCHAR(200), created DATETIME(3) NOT NULL, changed TIMESTAMP NULL, flags BIGINT UNSIGNED)`,
    writer: `CREATE PROCEDURE fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
      INSERT INTO orders (customer, amount, status, note, created, changed, flags)
        VALUES (i MOD 1000, i / 7, 'shipped', CONCAT('a note about order ', i, ' of somebody'), NOW(3), NOW(), i * 4294967296);
      SET i = i + 1; END WHILE; SET @written = n; END`,
  },
  {
    // oltp_write_only of sysbench: an update of an indexed column, one of another, a delete, and an insert of what was deleted.
    name: 'oltp-write-only',
    transactions: 100_000,
    unit: 'transactions',
    wanted: 2,
    tables: `CREATE TABLE sbtest (id INT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k))`,
    rows: `INSERT INTO sbtest SELECT seq, FLOOR(RAND() * ${SYSBENCH_ROWS}), REPEAT(MD5(seq), 3), MD5(-seq) FROM seq_1_to_${SYSBENCH_ROWS}`,
    writer: `CREATE PROCEDURE fill(n INT) BEGIN DECLARE i INT DEFAULT 0; DECLARE a, b, gone INT; WHILE i < n DO
      SET a = 1 + FLOOR(RAND() * ${SYSBENCH_ROWS}), b = 1 + FLOOR(RAND() * ${SYSBENCH_ROWS}), gone = 1 + FLOOR(RAND() * ${SYSBENCH_ROWS});
      START TRANSACTION;
      UPDATE sbtest SET k = k + 1 WHERE id = a;
      UPDATE sbtest SET c = CONCAT(REPEAT(MD5(RAND()), 3), i) WHERE id = b;
      DELETE FROM sbtest WHERE id = gone;
      INSERT INTO sbtest VALUES (gone, FLOOR(RAND() * ${SYSBENCH_ROWS}), REPEAT(MD5(i), 3), MD5(RAND()));
      COMMIT;
      SET i = i + 1; END WHILE; SET @written = n; END`,
  },
  {
    name: 'hot-updates',
    transactions: 240_000,
    unit: 'transactions',
    wanted: 2,
    tables: `CREATE TABLE counter (id INT PRIMARY KEY, hits BIGINT NOT NULL, seen DATETIME(6) NOT NULL, tag VARCHAR(40) NOT NULL)`,
    rows: `INSERT INTO counter SELECT seq, 0, NOW(6), MD5(seq) FROM seq_1_to_${HOT_ROWS}`,
    writer: `CREATE PROCEDURE fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
      UPDATE counter SET hits = hits + 1, seen = NOW(6) WHERE id = 1 + i MOD ${HOT_ROWS};
      SET i = i + 1; END WHILE; SET @written = n; END`,
  },
  {
    name: 'large-transactions',
    transactions: 30,
    unit: 'rows',
    wanted: 1,
    tables: `CREATE TABLE line (id BIGINT PRIMARY KEY AUTO_INCREMENT, item INT NOT NULL, price DECIMAL(12,4) NOT NULL, what VARCHAR(60) NOT NULL, at DATETIME NOT NULL)`,
    writer: `CREATE PROCEDURE fill(n INT) BEGIN DECLARE i INT DEFAULT 0; WHILE i < n DO
      INSERT INTO line (item, price, what, at) SELECT seq, seq / 13, CONCAT('line ', seq, ' of a bill'), NOW() FROM seq_1_to_30000;
      SET i = i + 1; END WHILE; SET @written = n * 30000; END`,
  },
  {
    name: 'wide-blobs',
    transactions: 10_000,
    unit: 'rows',
    wanted: 1,
    tables: `CREATE TABLE wide (id INT PRIMARY KEY AUTO_INCREMENT, ${Array.from({ length: 60 }, (_, i) => `c${i} ${['INT', 'VARCHAR(50)', 'DOUBLE', 'DATETIME'][i % 4]}`).join(', ')}, picture MEDIUMBLOB)`,
    writer: `CREATE PROCEDURE fill(n INT) BEGIN DECLARE i INT DEFAULT 0; DECLARE noise MEDIUMBLOB;
      SET noise = ''; WHILE LENGTH(noise) < 32768 DO SET noise = CONCAT(noise, UNHEX(MD5(RAND()))); END WHILE;
      WHILE i < n DO
      INSERT INTO wide SELECT NULL, ${Array.from({ length: 60 }, (_, i) => ['i', `CONCAT('text ', i, ' ${i}')`, `i / ${i + 1}`, 'NOW()'][i % 4]).join(', ')}, CONCAT(noise, i);
      SET i = i + 1; END WHILE; SET @written = n; END`,
  },
];
