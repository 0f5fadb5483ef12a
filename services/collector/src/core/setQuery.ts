const encoded = (text: string): string => new URLSearchParams([[text, '']]).toString().slice(0, -1);

/** Sets a query parameter, in place of those of its name, and leaves the bytes of all others as they are: signed urls break where one of them is written in another way. */
export function setQuery(url: URL, name: string, value: string): void {
  const own = `${encoded(name)}=${encoded(value)}`;
  const parts: string[] = [];
  let isSet = false;
  for (const part of url.search === '' ? [] : url.search.slice(1).split('&')) {
    if (!new URLSearchParams(part).has(name)) parts.push(part);
    else if (!isSet) isSet = parts.push(own) > 0;
  }
  if (!isSet) parts.push(own);
  url.search = parts.join('&');
}
