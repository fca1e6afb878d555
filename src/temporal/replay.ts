import { Worker, type ReplayWorkerOptions } from '@temporalio/worker';
import { workflowBundle } from './bundle.js';
import { runIdOf, workflowTypeOf, type RunHistory, type Unreadable } from './histories.js';

/** What a replay of one run showed. `same`: this build would take the run over as it is. */
export interface Replayed {
  from: string;
  result: 'same' | 'differs' | 'unreadable';
  workflowId?: string;
  runId?: string;
  workflowType?: string;
  /** Why not `same`, in one line. */
  why?: string;
}

/** A history that the SDK neither finishes nor refuses would stand in the way of the others. */
const ONE_TAKES_MS = 30_000;

/**
 * Replays histories with this build's workflow code, one after the other. Before the first call `Runtime.install` says
 * where Temporal's log goes. `options`: another build's bundle.
 */
export async function* replayHistories(
  histories: AsyncIterable<RunHistory | Unreadable>,
  options: ReplayWorkerOptions = { workflowBundle: workflowBundle() },
): AsyncGenerator<Replayed> {
  const source = histories[Symbol.asyncIterator]();
  let current: RunHistory | undefined;
  let unreadable: Unreadable[] = [];
  // The SDK pulls the next history when it is done with one; a history that it refuses ends its worker, and a new one goes on.
  async function* readable(): AsyncGenerator<RunHistory> {
    for (;;) {
      const next: IteratorResult<RunHistory | Unreadable, unknown> = await source.next();
      if (next.done) return;
      const { value } = next;
      if ('why' in value) unreadable.push(value);
      else {
        current = value;
        yield value;
        current = undefined;
      }
    }
  }
  const told = (): Replayed[] => {
    const all = unreadable.map((u): Replayed => ({ ...u, result: 'unreadable' }));
    unreadable = [];
    return all;
  };
  for (let over = false; !over;) {
    const results = Worker.runReplayHistories(options, readable());
    try {
      for (;;) {
        const next = await within(results.next());
        if (next.done) {
          over = true;
          break;
        }
        const { history, from, workflowId } = current!;
        yield* told();
        const { error } = next.value;
        const facts = { from, workflowId, runId: runIdOf(history), workflowType: workflowTypeOf(history) };
        yield error ? { ...facts, result: 'differs', why: lineOf(error) } : { ...facts, result: 'same' };
      }
    } catch (error) {
      yield* told();
      if (!current) throw error;
      yield { from: current.from, workflowId: current.workflowId, result: 'unreadable', why: lineOf(error as Error) };
      current = undefined;
    }
  }
  yield* told();
}

async function within<T>(next: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`its replay did not end within ${ONE_TAKES_MS / 1000} s`)), ONE_TAKES_MS);
  });
  next.catch(() => {});
  return Promise.race([next, late]).finally(() => clearTimeout(timer));
}

/** The heart of a determinism error; the SDK wraps it in advice, and in the debug output of its core. */
function lineOf({ message }: Error): string {
  const text = message.replace(/^Replay failed with a nondeterminism error\..*?Details: /s, '');
  const heart = /message: "((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text;
  return heart
    .replaceAll(/\\n|\s+/g, ' ')
    .replaceAll('\\"', '"')
    .trim()
    .slice(0, 500);
}
