import xxhash from 'xxhash-wasm';
import type { RecordHash } from './core/createKnownSnapshot.ts';

/** Hash over the bodies of an attempt, 128 bits as hex; `peek` is the hash so far. */
export interface BodyHash {
  update(bytes: Uint8Array): void;
  peek(): string;
}
export interface Hashes {
  /** 64 bits of a text as hex: equal texts, equal hashes, everywhere and always. */
  readonly ofText: (text: string) => string;
  /** 64 bits of some bytes. */
  readonly ofRecord: (bytes: Uint8Array) => RecordHash;
  readonly ofBodies: () => BodyHash;
}

/** Loads the hash functions: about 1 GB/s, where MD5 takes most of the time that an item takes. */
export async function createHashes(): Promise<Hashes> {
  const { h64Raw, h64ToString, create64 } = await xxhash();
  const whole = new BigUint64Array(1);
  const halves = new Int32Array(whole.buffer);
  return {
    ofText: (text) => h64ToString(text),
    ofRecord: (bytes) => {
      whole[0] = h64Raw(bytes);
      return { low: halves[0] ?? 0, high: halves[1] ?? 0, length: bytes.length };
    },
    ofBodies: () => {
      const both = [create64(1n), create64(2n)];
      return {
        update: (bytes) => {
          for (const half of both) half.update(bytes);
        },
        peek: () => both.map((half) => half.digest().toString(16).padStart(16, '0')).join(''),
      };
    },
  };
}
