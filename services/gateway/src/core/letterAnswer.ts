import type { LetterAnswer, LetterState, RunState } from '@gleaner/contracts';
import type { LetterDocument } from '@gleaner/database';

/** What a letter's state is to whoever looks: a parked one whose run has succeeded meanwhile needs nobody any more. */
const shownLetterState = (state: LetterState, runState: RunState | undefined): LetterState =>
  state === 'parked' && (runState === 'succeeded' || runState === 'unchanged') ? 'superseded' : state;

/** A letter as the API shows it; `whole` adds headers, payload and evidence, which a list leaves out. */
export function letterAnswer({ letter, runState, whole }: { readonly letter: LetterDocument; readonly runState: RunState | undefined; readonly whole: boolean }): LetterAnswer & { readonly replay?: unknown } {
  const { replay } = letter;
  return {
    id: letter._id, queue: letter.queue,
    ...(letter.job === undefined ? {} : { job: letter.job }),
    ...(letter.run === undefined ? {} : { run: letter.run }),
    class: letter.class, reason: letter.reason, attempts: letter.attempts,
    firstAt: letter.firstAt.toISOString(), deadAt: letter.deadAt.toISOString(), replays: letter.replays,
    state: shownLetterState(letter.state, runState),
    ...(letter.replayOf === undefined ? {} : { replayOf: letter.replayOf }),
    ...(replay === undefined ? {} : { replay: { ...replay, requestedAt: replay.requestedAt.toISOString(), ...(replay.notBefore ? { notBefore: replay.notBefore.toISOString() } : {}) } }),
    ...(whole ? { headers: letter.headers, ...(letter.payload === undefined ? {} : { payload: payloadOf(letter.payload) }), ...(letter.evidence === undefined ? {} : { evidence: letter.evidence }) } : {}),
  };
}

/** JSON as JSON, so that it reads well; whatever is none stays a text. */
function payloadOf(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return payload; // a body that cannot be read is often the very reason why the letter is here
  }
}
