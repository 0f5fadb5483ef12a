import iconv from 'iconv-lite';

/** What the library knows beside charsets: ways to write bytes as text. */
const noCharsets = /^(hex|base64|binary|utf7imap)$/;

/** Whether a body's charset is one that can be read. */
export const isCharset = (name: string): boolean => !noCharsets.test(name.toLowerCase().replaceAll(/[^a-z0-9]/g, '')) && iconv.encodingExists(name);
