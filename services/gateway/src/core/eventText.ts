/** One server-sent event; data is one line of JSON, so that no line break has to be split. */
export const eventText = ({ id, event, data }: { readonly id?: string; readonly event: string; readonly data: unknown }): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
