import type { Scope } from '@gleaner/contracts';
import { ProblemError } from '../core/problem.ts';

/** Who sent a request, and what it may do. */
export interface Principal {
  /** The key's id; `anonymous` on open paths. */
  readonly id: string;
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

export const anonymous: Principal = { id: 'anonymous', name: 'anonymous', scopes: new Set() };

/** Throws `forbidden` where the principal lacks the scope; `admin` may do everything. */
export function expectScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.has(scope) || principal.scopes.has('admin')) return;
  throw new ProblemError('forbidden', `this needs a key with the scope ${scope}; key ${JSON.stringify(principal.name)} has ${[...principal.scopes].join(', ') || 'none'}`, { extra: { scope } });
}
