import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown where somebody pressed Ctrl-C. */
export class Stopped extends Error {
  constructor() {
    super('stopped');
  }
}

export interface Lifetime {
  /** Aborted, with {@link Stopped}, by the first Ctrl-C, SIGTERM or SIGHUP. */
  signal: AbortSignal;
  /** What is to be done at the end, however it comes: the last one first. */
  atEnd(close: () => unknown): void;
  /** The promise's value, or Stopped as soon as we are asked to stop. */
  until<T>(promise: Promise<T>): Promise<T>;
  /** Waits for the promise, and ends without an error where we are asked to stop. */
  untilStopped(promise: Promise<unknown>): Promise<void>;
  sleep(ms: number): Promise<void>;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm and npx pass a Ctrl-C on that the terminal has sent us already: that is no second one. */
const SAME_MS = 1000;

/**
 * Runs `work` and then everything that it gave to `atEnd`. The first signal asks it to stop; the second leaves at once
 * (a server of ours is then ended by its watchdog).
 */
export async function withLifetime<T>(
  work: (life: Lifetime) => Promise<T>,
  { onStop, atOnce }: { onStop?: () => void; atOnce?: () => void } = {},
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const closers: (() => unknown)[] = [];
  let stoppedAt: number | undefined;
  const handle = (): void => {
    if (stoppedAt === undefined) {
      stoppedAt = Date.now();
      onStop?.();
      controller.abort(new Stopped());
    } else if (Date.now() - stoppedAt > SAME_MS) {
      atOnce?.();
      process.exit(1);
    }
  };
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Stopped()), { once: true });
  });
  stopped.catch(() => {});
  for (const name of SIGNALS) process.on(name, handle);
  try {
    return await work({
      signal,
      atEnd: (close) => void closers.push(close),
      until: async (promise) => {
        promise.catch(() => {});
        return Promise.race([promise, stopped]);
      },
      untilStopped: async (promise) => {
        promise.catch(() => {});
        await Promise.race([promise, stopped]).catch((error: unknown) => {
          if (!(error instanceof Stopped)) throw error;
        });
      },
      sleep: (ms) => Promise.race([sleep(ms), stopped]),
    });
  } finally {
    for (const close of closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        process.stderr.write(`warning: ${(error as Error).message}\n`);
      }
    }
    for (const name of SIGNALS) process.off(name, handle);
  }
}
