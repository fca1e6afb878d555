// The process of a test that a client started: it keeps what it does in the storage from which it was started, and says
// nothing. Its parent sends the order as one message and hears whether the test has begun.
import type { ReliabilityOptions } from '../core/reliability/settings.js';
import { HandoffError } from '../core/errors.js';
import { openStorage, type StorageOptions } from '../storage/storage.js';
import { keptTest, newTestId } from './kept-test.js';
import { prepared } from './prepare.js';

export interface Order {
  configuration: string;
  options: ReliabilityOptions;
  storage: StorageOptions;
}

export type Begun = { testId: string } | { error: { code: string; message: string; params: Record<string, unknown> } };

const begun = (answer: Begun): void => {
  process.send?.(answer);
  if (process.connected) process.disconnect();
};

async function run({ configuration, options, storage: place }: Order): Promise<void> {
  const storage = await openStorage(place);
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort(new Error('SIGTERM')));
  const testId = newTestId();
  let told = false;
  try {
    const settings = await prepared(configuration, options, storage);
    await keptTest(storage.reliability, testId, settings, {
      say: () => {},
      signal: stop.signal,
      progress: () => {
        if (!told) begun({ testId });
        told = true;
      },
    });
  } catch (error) {
    // Once it has begun, what it met is in its report.
    if (!told) begun({ error: answerOf(error) });
    process.exitCode = 1;
  } finally {
    await storage.close();
  }
  // Temporal's connections would hold the process.
  process.exit();
}

const answerOf = (error: unknown): { code: string; message: string; params: Record<string, unknown> } =>
  error instanceof HandoffError
    ? { code: error.code, message: error.message, params: error.params }
    : { code: 'INTERNAL', message: (error as Error).message, params: {} };

process.once('message', (order) => void run(order as Order));
