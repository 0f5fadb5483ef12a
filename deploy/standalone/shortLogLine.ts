const SHOWN = new Set(['warn', 'error', 'fatal']);

/** What a terminal shows of a JSON log line: its level and message, and the error's message; undefined below `warn`. */
export function shortLogLine(line: string): string | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined; // cut off by a crash; the log file has it
  }
  if (!isRecord(entry) || typeof entry['level'] !== 'string' || !SHOWN.has(entry['level'])) return undefined;
  const error = isRecord(entry['err']) && typeof entry['err']['message'] === 'string' ? entry['err']['message'] : '';
  const message = String(entry['msg'] ?? '');
  return `${entry['level']}: ${message}${error !== '' && !message.includes(error) ? ` (${error})` : ''}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
