/**
 * Tables that have left a pipeline while rows of them were on their way, and had not joined here: those rows belong
 * nowhere. If the table comes back it is told anew and copied.
 *
 * Rule kept: nothing of a table that is in the topology now is dropped. It may be back, and count already at its source,
 * before it is told here.
 */
import { UnreachableError } from '../model/error.ts';
import type { Delivery, TableShape } from '../model/row.ts';

export class Departed {
  readonly #tables = new Set<TableShape>();

  add(table: TableShape): void {
    this.#tables.add(table);
  }

  delete(table: TableShape): void {
    this.#tables.delete(table);
  }

  /**
   * Transactions stay, if need be without rows: the position moves with them.
   * @param isIn whether the topology has the table now
   */
  without(deliveries: readonly Delivery[], isIn: (table: TableShape) => boolean): readonly Delivery[] {
    const gone = new Set([...this.#tables].filter((table) => !isIn(table)));
    if (gone.size === 0) return deliveries;
    const has = ({ table }: { readonly table: TableShape }): boolean => gone.has(table);
    return deliveries.flatMap((delivery) => {
      switch (delivery.kind) {
        case 'changes':
          return { ...delivery, changes: delivery.changes.filter((change) => !has(change)) };
        case 'answers':
          return { ...delivery, answers: delivery.answers.filter((answer) => !has(answer)) };
        case 'chunk':
          return has(delivery.chunk) ? [] : delivery;
        case 'resync':
          return has(delivery) ? [] : delivery;
        case 'table':
        case 'beat':
        case 'definition':
        case 'kept':
          return delivery;
        default:
          throw new UnreachableError(delivery satisfies never);
      }
    });
  }
}
