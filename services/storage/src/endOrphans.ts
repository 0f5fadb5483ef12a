import { isRefused, type OrphanedTransactions } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';

/**
 * Makes the step that ends what killed services left open, so that their runs are taken over in seconds and not when the server's limit has passed.
 * Where the server refuses the question it is asked once and never again.
 */
export function endOrphans({ transactions, log }: { readonly transactions: OrphanedTransactions; readonly log: Logger }): () => Promise<void> {
  let refused = false;
  return async () => {
    if (refused) return;
    try {
      const ended = await transactions.end();
      if (ended > 0) log.warn({ ended }, 'transactions of a killed service were ended');
    } catch (error) {
      if (!isRefused(error)) throw error;
      refused = true;
      log.warn({ err: error }, 'this MongoDB does not show its transactions: what a killed service leaves open blocks its runs until transactionLifetimeLimitSeconds has passed');
    }
  };
}
