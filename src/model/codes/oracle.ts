/** Of Oracle databases, which are targets only: OT407x of the database, OT506x of its tables. */
import type { Explanation } from '../explanation.ts';

export const ORACLE_CODES = {
  OT4070: {
    title: 'Oracle database unfit as a target',
    meaning:
      'Texts arrive as they left only in a database of the character set AL32UTF8, and names of more than 30 letters are known from Oracle Database 12.2 on.',
    action: 'Name another database: neither can be changed by a setting. docs/oracle.md says what is needed.',
  },
  OT4071: {
    title: 'Empty texts become NULL',
    meaning:
      'Oracle keeps an empty text as NULL. Where a column of the source has both, they are the same at the target; where the target column is NOT NULL, an empty text is refused and the pipeline stops at its row (OT5016).',
    action:
      'Nothing, if nobody needs the difference. Else let the column at the source be NOT NULL, so that NULL at the target always means empty; or let the column at the target take NULL.',
  },
  OT5060: {
    title: 'Oracle table cannot be written',
    meaning:
      'The target table has an enabled foreign key, which no session can leave unchecked while rows arrive in another order; or rows without a primary key would have to be found by a CLOB or BLOB; or it has columns that differ in capitals only; or a name is one that Oracle cannot have.',
    action: 'The message has the statement to type, or what to leave out; the pipeline goes on by itself.',
  },
} as const satisfies Record<string, Explanation>;
