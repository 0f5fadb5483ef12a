import xxhash from 'xxhash-wasm';

/** Hash over the bodies of an attempt, 128 bits as hex; `peek` is the hash so far. */
export interface BodyHash {
  update(bytes: Uint8Array): void;
  peek(): string;
}
export interface Hashes {
  /** 64 bits of a text as hex: equal texts, equal hashes, everywhere and always. */
  readonly ofText: (text: string) => string;
  /** 64 bits of a text, as what a map finds fastest. */
  readonly ofRecord: (text: string) => bigint;
  readonly ofBodies: () => BodyHash;
}

/** Loads the hash functions: about 1 GB/s, where MD5 takes most of the time that an item takes. */
export async function createHashes(): Promise<Hashes> {
  const { h64, h64ToString, create64 } = await xxhash();
  return {
    ofText: (text) => h64ToString(text),
    ofRecord: (text) => h64(text),
    ofBodies: () => {
      const halves = [create64(1n), create64(2n)];
      return {
        update: (bytes) => {
          for (const half of halves) half.update(bytes);
        },
        peek: () => halves.map((half) => half.digest().toString(16).padStart(16, '0')).join(''),
      };
    },
  };
}
