/** One way of encoding the whole of a secret. */
export interface SecretForm {
  /** Sources of regular expressions that match one after the other; a long value as one would be more than the engine takes, and its complaint would show it. */
  readonly pieces: () => readonly string[];
  /** Letters and digits that stand in every match as they are: cheaper to look for, and mostly not there. Undefined where no three do. */
  readonly sign?: string;
  /** Characters that the longest match may have. */
  readonly reach: number;
}

const shortest = 4;
const longestSign = 12;
const pieceParts = 40;
/** Every count is bounded, so that no text of an upstream makes a search slow. */
const slashes = (least: number): string => `\\\\{${least},8}`;
/** The longest form of a UTF-16 unit: three bytes, percent-encoded three times over. */
const widest = 21;

/**
 * Knows a value raw, percent-encoded, form-encoded, escaped for JSON or JavaScript and for HTML, each of them whole, for some of its characters only, and one over the other;
 * in hexadecimal; and in base64 (either alphabet, itself encoded or not), also as a part of a longer base64 text (as in `user:password`).
 */
export function secretForms(value: string): SecretForm[] {
  const bytes = Buffer.from(value);
  const hex = bytes.toString('hex');
  const base64 = withoutPadding(bytes.toString('base64'));
  const forms = [formOf(value, loosely), formOf(hex), formOf(hex.toUpperCase()), formOf(base64, inBase64, `(?:${loosely('=')}){0,2}`)];
  // Inside a longer base64 text the value may begin at any of three offsets; the characters that its neighbours share with it are left out.
  for (const before of [0, 1, 2]) {
    const inner = withoutPadding(Buffer.concat([Buffer.alloc(before), bytes]).toString('base64'));
    const part = inner.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    if (part.length >= shortest) forms.push(formOf(part, inBase64));
  }
  return forms;
}

const withoutPadding = (base64: string): string => base64.replace(/=+$/, '');

function formOf(text: string, write: (part: string) => string = (part) => part, end = ''): SecretForm {
  const parts = (): string[] => text.match(/[A-Za-z0-9]|\\+|[^\\]/gsu) ?? [];
  const others = text.replaceAll(/[A-Za-z0-9]/g, '').length;
  const sign = (text.match(/[A-Za-z0-9]{3,}/g) ?? []).reduce((longest, run) => (run.length > longest.length ? run : longest), '');
  return {
    pieces: () => {
      const written = [...parts().map(write), ...(end === '' ? [] : [end])];
      return Array.from({ length: Math.ceil(written.length / pieceParts) }, (_piece, index) => written.slice(index * pieceParts, (index + 1) * pieceParts).join(''));
    },
    reach: text.length + others * widest + (end === '' ? 0 : 2 * widest),
    // The end of it: tokens begin alike.
    ...(sign === '' ? {} : { sign: sign.slice(-longestSign) }),
  };
}

const isPlain = (character: string): boolean => /^[A-Za-z0-9]$/.test(character);
const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
const eitherCase = (hex: string): string => hex.replaceAll(/[a-f]/gi, (digit) => `[${digit.toLowerCase()}${digit.toUpperCase()}]`);

const inBase64 = (character: string): string => (character === '+' ? `(?:-|${loosely('+')})` : character === '/' ? `(?:_|${loosely('/')})` : character);

const named: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };
const short: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' };

/** The pattern of one character, or of a run of backslashes, in every way of writing it. */
function loosely(text: string): string {
  if (isPlain(text)) return text;
  const character = text.startsWith('\\') ? '\\' : text;
  const codes = [
    Array.from(Buffer.from(character), (byte) => `%(?:25){0,2}${eitherCase(byte.toString(16).padStart(2, '0'))}`).join(''),
    Array.from({ length: character.length }, (_unit, index) => `${slashes(1)}u${eitherCase(character.charCodeAt(index).toString(16).padStart(4, '0'))}`).join(''),
    `&(?:amp;)?#(?:0{0,5}${character.codePointAt(0) ?? 0}|[xX]0{0,5}${eitherCase((character.codePointAt(0) ?? 0).toString(16))});`,
  ];
  // A run as a whole: its backslashes one by one would share what they match in more ways than can be tried.
  if (character === '\\') return `(?:\\\\{${text.length},${8 * text.length}}|(?:${codes.join('|')}){${text.length}})`;
  if (named[text] !== undefined) codes.push(`&(?:amp;)?${named[text]};`);
  if (short[text] !== undefined) codes.push(`${slashes(1)}${short[text]}`);
  if (text === ' ') codes.push('\\+');
  return `(?:${/["'/]/.test(text) ? slashes(0) : ''}${escaped(text)}|${codes.join('|')})`;
}
