import { expect, test } from 'vitest';
import { translated } from '../../src/mysql/dialect.ts';

const known = new Set(['utf8mb4_general_ci', 'utf8mb4_0900_ai_ci']);
const COLUMNS = 'CREATE TABLE `d`.`t` (\n  `id` int NOT NULL,\n';

test.each([
  ["  `n` int DEFAULT '3' /*!80023 INVISIBLE */", "  `n` int DEFAULT '3' INVISIBLE"],
  ["  `n` int COMMENT '/*!80023 INVISIBLE */'", "  `n` int COMMENT '/*!80023 INVISIBLE */'"],
  ['  CONSTRAINT `ne` CHECK ((`n` > 0))', '  CONSTRAINT `ne` CHECK ((`n` > 0))'],
])('for MariaDB: %s', (line, made) => {
  expect(translated(`${COLUMNS}${line}\n) ENGINE=InnoDB`, { family: 'mariadb', known })).toBe(
    ` (\n  \`id\` int NOT NULL,\n${made}\n) ENGINE=InnoDB`,
  );
});

test('a check that is not enforced is left out for MariaDB, which would enforce it', () => {
  const create = `${COLUMNS}  CONSTRAINT \`ne\` CHECK ((\`n\` > 0)) /*!80016 NOT ENFORCED */\n) ENGINE=InnoDB`;
  expect(translated(create, { family: 'mariadb', known })).toBe(' (\n  `id` int NOT NULL\n) ENGINE=InnoDB');
  expect(translated(create, { family: 'mysql', known })).toContain('NOT ENFORCED');
});

test.each([
  [
    ") ENGINE=MyISAM DEFAULT CHARSET=latin1 PACK_KEYS=1 COMMENT='was ENGINE=MyISAM PACK_KEYS=1'",
    ") ENGINE=InnoDB DEFAULT CHARSET=latin1 COMMENT='was ENGINE=MyISAM PACK_KEYS=1'",
  ],
  [
    ') ENGINE=Aria DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci PAGE_CHECKSUM=1 TRANSACTIONAL=1 ROW_FORMAT=PAGE',
    ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci',
  ],
  [
    ") ENGINE=InnoDB ROW_FORMAT=COMPRESSED COMMENT='ENGINE=Aria'",
    ") ENGINE=InnoDB ROW_FORMAT=COMPRESSED COMMENT='ENGINE=Aria'",
  ],
  [
    ') ENGINE=MyISAM\n PARTITION BY HASH (`id`)\n(PARTITION `p0` ENGINE = MyISAM)',
    ') ENGINE=InnoDB\n PARTITION BY HASH (`id`)\n(PARTITION `p0` ENGINE = InnoDB)',
  ],
])('engine: %s', (tail, made) => {
  expect(translated(`${COLUMNS}  \`c\` int COMMENT 'ENGINE=MyISAM'\n${tail}`, { family: 'mariadb', known })).toBe(
    ` (\n  \`id\` int NOT NULL,\n  \`c\` int COMMENT 'ENGINE=MyISAM'\n${made}`,
  );
});

test.each([
  [
    "`x` varchar(10) DEFAULT concat('a)',ucase(replace('b','(','c')),\"`\") COMMENT 'DEFAULT now()'",
    "`x` varchar(10) DEFAULT (concat('a)',ucase(replace('b','(','c')),\"`\")) COMMENT 'DEFAULT now()'",
  ],
  ['`x` char(36) DEFAULT uuid()', '`x` char(36) DEFAULT (uuid())'],
  [
    '`t` timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)',
    '`t` timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3)',
  ],
  ["`l` longtext DEFAULT 'it''s'", "`l` longtext DEFAULT ('it''s')"],
  ["`v` varchar(9) DEFAULT 'DEFAULT now()'", "`v` varchar(9) DEFAULT 'DEFAULT now()'"],
  ['`n` int(11) DEFAULT (1 + 2)', '`n` int(11) DEFAULT (1 + 2)'],
  ['`DEFAULT x(1)` int(11) DEFAULT 3', '`DEFAULT x(1)` int(11) DEFAULT 3'],
  ["`e` enum('DEFAULT now()') DEFAULT NULL", "`e` enum('DEFAULT now()') DEFAULT NULL"],
])('default for MySQL: %s', (line, made) => {
  expect(translated(`${COLUMNS}  ${line}\n) ENGINE=InnoDB`, { family: 'mysql', known })).toBe(
    ` (\n  \`id\` int NOT NULL,\n  ${made}\n) ENGINE=InnoDB`,
  );
});
