import { describe, expect, it } from '@jest/globals';
import { lineWriter } from './lineWriter.ts';

const fails = (code: string): Error => Object.assign(new Error(code), { code });

/** Stdout as a list of what each write does: takes that many bytes, or fails with that code. */
function writerOver(script: readonly (number | string)[]) {
  const steps = [...script];
  const taken: string[] = [];
  let pauses = 0;
  const writer = lineWriter({
    writeBytes: (bytes) => {
      const step = steps.length > 1 ? steps.shift() : steps[0];
      if (typeof step === 'string') throw fails(step);
      const count = Math.min(step ?? 0, bytes.length);
      taken.push(Buffer.from(bytes.subarray(0, count)).toString());
      return count;
    },
    pause: () => { pauses += 1; },
  });
  return { writer, text: () => taken.join(''), pauses: () => pauses, left: () => steps.length };
}

describe('lineWriter', () => {
  it('writes every byte of a line, however little is taken at a time', () => {
    const { writer, text } = writerOver([3, 2, 100]);
    writer.write('{"msg":"Дирхам"}\n');
    writer.write('next\n');
    expect(text()).toBe('{"msg":"Дирхам"}\nnext\n');
  });

  it('waits for a slow reader, and goes on where it was', () => {
    const { writer, text, pauses } = writerOver([4, 'EAGAIN', 'EAGAIN', 100]);
    writer.write('a line\n');
    expect(text()).toBe('a line\n');
    expect(pauses()).toBe(2);
  });

  it('gives up a line that nobody reads for 2 s, but not the next', () => {
    const stuck = writerOver([...Array.from({ length: 401 }, () => 'EAGAIN'), 100]);
    stuck.writer.write('dropped\n');
    expect(stuck.pauses()).toBe(400);
    stuck.writer.write('written\n');
    expect(stuck.text()).toBe('written\n');
  });

  it('falls silent when the reader has gone, and never waits for it', () => {
    const { writer, text, pauses, left } = writerOver([100, 'EPIPE', 100]);
    writer.write('one\n');
    writer.write('two\n');
    writer.write('three\n');
    expect(text()).toBe('one\n');
    expect(pauses()).toBe(0);
    expect(left()).toBe(1); // the third was not even tried
  });
});
