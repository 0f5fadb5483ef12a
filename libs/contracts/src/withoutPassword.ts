/** Shows where a url leads (of several hosts too), without its password and query: what it cannot make out it shows less of. */
export function withoutPassword(url: string): string {
  const [, protocol, user, where] = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^:@]*)(?::.*)?@)?([^@?#]*)/is.exec(url) ?? [];
  return protocol === undefined ? 'an address that is no url' : `${protocol}${user ? `${user}@` : ''}${where}`;
}
