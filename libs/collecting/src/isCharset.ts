import iconv from 'iconv-lite';

/** What the library knows beside charsets: ways to write bytes as text. UTF-7 is one of them for browsers too, and the library reads it wrong where a body comes in small parts. */
const noCharsets = /^(hex|base64|binary|utf7imap|(unicode11)?utf7)$/;

/** Whether a body's charset is one that can be read. */
export const isCharset = (name: string): boolean => !noCharsets.test(name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')) && iconv.encodingExists(name);
