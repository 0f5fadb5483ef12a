/**
 * The origins that a source asks, each once: its url's first. Empty for a task, and for a url whose origin is not literal
 * (the gateway refuses those; an old revision may have one).
 */
export function originsOf(http: { readonly url: string; readonly origins?: readonly string[] | undefined } | undefined): string[] {
  if (http === undefined) return [];
  // Templates stand after the origin only; braces would make the whole url unreadable to URL.
  const literal = [http.url.replaceAll(/\{\{.*?\}\}/g, 'x'), ...(http.origins ?? [])];
  return [...new Set(literal.flatMap((url) => (URL.canParse(url) && /^https?:/i.test(url) ? [new URL(url).origin] : [])))];
}
