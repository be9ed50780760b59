/** The language of `where` over facts that are no row: the condition of a rule. */
import { parseExpression } from '../../model/expression-parser.ts';
import type { ColumnShape } from '../../model/row.ts';
import { FACT_COLUMNS, type Fact, type Facts, type FactType } from '../../model/rule-facts.ts';
import { compileCondition } from './compile.ts';
import { quoted } from './values.ts';

const TYPES: Readonly<Record<FactType, string>> = { text: 'longtext', number: 'bigint', truth: 'tinyint(1)' };

const COLUMNS: readonly ColumnShape[] = FACT_COLUMNS.map(([name, type]) => ({
  name,
  type: TYPES[type],
  charset: type === 'text' ? 'utf8mb4' : null,
  collation: type === 'text' ? 'utf8mb4_bin' : null,
  nullable: true,
  generated: false,
}));

/** @throws ExpressionProblem of what cannot be read, names no fact or compares what cannot be compared */
export function factCondition(text: string): (facts: Facts) => boolean {
  const holds = compileCondition(parseExpression(text), COLUMNS);
  return (facts) => holds(FACT_COLUMNS.map(([name]) => literal(facts[name] ?? null)));
}

function literal(fact: Fact): string | null {
  if (fact === null) return null;
  if (typeof fact === 'string') return quoted(fact);
  return String(Number(fact));
}
