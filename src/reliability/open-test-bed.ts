import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import { attach } from './attach.js';
import { CHECKED_MODULE } from './checker.js';
import type { TestBed } from './test-bed.js';
import { lookout } from './lookout.js';
import { SOURCE, TARGET } from './people.js';
import { startStack } from './stack-start.js';
import { addAgent } from './template.js';
import type { Watchdog } from './watchdog.js';

/** Milliseconds that one call of the test may take: a server that is away is asked again. */
const DEADLINE_MS = 8_000;

/** Starts all that a test runs on, and closes it however far it came. Throws what a stack throws. */
export async function openTestBed(
  testId: string,
  settings: ReliabilitySettings,
  options: { dog: Watchdog; signal: AbortSignal; failpoints: string; say: (line: string) => void },
): Promise<{ bed: TestBed; close: () => Promise<void> }> {
  const { dog, signal, failpoints, say } = options;
  const { workers, address, namespace, seed, modules = [], definitions = [], keep = false } = settings;
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).toReversed()) await end();
  };
  const place = { ...(address === undefined ? {} : { address }), ...(namespace === undefined ? {} : { namespace }) };
  const wantsFaults = settings.faults === undefined || settings.faults.length > 0;
  try {
    const stack = await startStack({
      ...place,
      workers,
      proxy: true,
      disks: wantsFaults,
      failpoints,
      seed,
      parts: { modules: [CHECKED_MODULE, ...modules.map((file) => path.resolve(file))], procedures: definitions },
      log: say,
    });
    closers.push(() => stack.close(keep));
    // A stop that came meanwhile.
    signal.throwIfAborted();
    const attached = await attach(stack, { deadlineMs: DEADLINE_MS });
    closers.push(() => attached.close());
    const { temporal, storage, client, checker } = attached;
    const out = lookout(storage, temporal, dog);
    closers.push(async () => {
      out.close();
      // What it was reading when it was closed.
      await sleep(100);
    });
    for (const name of [SOURCE, TARGET]) await addAgent(client, name);
    const bed = {
      testId,
      settings,
      stack,
      temporal,
      client,
      storage,
      checker,
      lookout: out,
      signal,
      beganAt: Date.now(),
    };
    return { bed, close };
  } catch (error) {
    await close();
    throw error;
  }
}
