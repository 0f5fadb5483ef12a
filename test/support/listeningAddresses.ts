import { existsSync, readFileSync } from 'node:fs';

/** The addresses of this machine on which somebody listens at a TCP port, as the kernel lists them (Linux only). */
export function listeningAddresses(port: number): Set<string> {
  return new Set(['/proc/net/tcp', '/proc/net/tcp6'].filter((file) => existsSync(file)).flatMap((file) => rows(file))
    .filter((row) => row.state === LISTEN && row.port === port).map((row) => row.address));
}

const LISTEN = '0A';

function rows(file: string): { address: string; port: number; state: string }[] {
  return readFileSync(file, 'utf8').trim().split('\n').slice(1).flatMap((line) => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    return [{ address: readable(address), port: Number.parseInt(port, 16), state }];
  });
}

/** The kernel writes addresses as little-endian words in hex. */
function readable(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).toReversed()).map((byte) => Number.parseInt(byte, 16));
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.every((byte, index) => byte === (index === 15 ? 1 : 0))) return '::1';
  if (bytes.every((byte) => byte === 0)) return '::';
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
