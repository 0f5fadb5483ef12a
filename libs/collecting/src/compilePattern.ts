/** A job's regular expression over a text, or why it is none. */
export type CompiledPattern = { readonly ok: true; readonly pattern: RegExp } | { readonly ok: false; readonly reason: string };

/** Reads `pattern` or `/pattern/flags` (of i, m, s, u; default m and u), to be matched over the whole text. */
export function compilePattern(expression: string): CompiledPattern {
  const [, source = expression, flags = 'mu'] = /^\/(.*)\/([imsu]*)$/s.exec(expression) ?? [];
  if (source === '' || source === '$') return { ok: false, reason: 'expected a regular expression in items (or item) for text: `pattern` or `/pattern/flags`' };
  try {
    return { ok: true, pattern: new RegExp(source, `${flags}g`) };
  } catch (error) {
    return { ok: false, reason: `expected a regular expression, as JavaScript reads it with the flags ${flags || 'none'}; ${error instanceof Error ? error.message : String(error)}` };
  }
}
