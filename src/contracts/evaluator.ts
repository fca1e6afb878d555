import { existsSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { unfit } from './found.js';
import type { Limits } from './limits.js';
import type { Done, Job } from './thread.js';

// The compiled file, whether this one runs from src/ or dist/.
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const THREAD_FILE = path.join(root, 'dist', 'contracts', 'thread.js');

/** How long a thread that has nothing to do is kept, milliseconds. */
const IDLE_MS = 2000;

interface Thread {
  worker: Worker;
  memoryMb: number;
}

let thread: Thread | undefined;
let last: Promise<unknown> = Promise.resolve();
let idle: NodeJS.Timeout | undefined;

async function threadFor(memoryMb: number): Promise<Worker> {
  if (thread?.memoryMb === memoryMb) return thread.worker;
  await end();
  if (!existsSync(THREAD_FILE)) throw new Error(`${THREAD_FILE} is missing: run \`npm run build\``);
  // A schema becomes code that runs there: it needs neither our environment nor our loaders.
  const worker = new Worker(THREAD_FILE, {
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, stackSizeMb: 4 },
  });
  thread = { worker, memoryMb };
  worker.once('exit', () => {
    if (thread?.worker === worker) thread = undefined;
  });
  const ready = once(worker, 'message');
  // An error that nobody listens to would end the process.
  worker.on('error', () => {});
  await ready;
  return worker;
}

/** Ends the thread, where there is one. */
async function end(): Promise<void> {
  clearTimeout(idle);
  const ending = thread?.worker;
  thread = undefined;
  await ending?.terminate();
}

/**
 * Runs one job in the one thread of this process, after those before it. Throws {@link Unfit} with `timed_out` and
 * `too_large` where it takes more than it may, and the signal's reason once that is aborted.
 */
export function inThread(job: Job, limits: Limits, signal: AbortSignal): Promise<Done> {
  const mine = last.then(async () => {
    signal.throwIfAborted();
    clearTimeout(idle);
    const worker = await threadFor(limits.memoryMb);
    worker.ref();
    try {
      return await answerOf(worker, job, limits, signal);
    } finally {
      worker.unref();
      idle = setTimeout(() => void end(), IDLE_MS).unref();
    }
  });
  last = mine.catch(() => undefined);
  return mine;
}

async function answerOf(worker: Worker, job: Job, limits: Limits, signal: AbortSignal): Promise<Done> {
  const listening = new AbortController();
  const answered = once(worker, 'message', { signal: listening.signal }) as Promise<[Done]>;
  const ended = once(worker, 'exit', { signal: listening.signal }).then(() => {
    throw new Error('the thread that checks ended');
  });
  let timer: NodeJS.Timeout | undefined;
  let stop: () => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    const late = unfit('timed_out', `a check within ${limits.timeMs / 1000} s`, 'one that takes longer');
    timer = setTimeout(() => reject(late), limits.timeMs);
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
  });
  // Whichever comes first; the others are not waited for any more.
  for (const other of [answered, ended, stopped]) other.catch(() => {});
  try {
    worker.postMessage(job);
    const [done] = await Promise.race([answered, ended, stopped]);
    return done;
  } catch (error) {
    await end();
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
    throw unfit('too_large', `a check within ${limits.memoryMb} MB of memory`, 'one that needs more');
  } finally {
    clearTimeout(timer);
    listening.abort();
    signal.removeEventListener('abort', stop);
  }
}
