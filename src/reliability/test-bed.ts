import type { Client } from '@temporalio/client';
import type { HandoffClient } from '../client.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import type { Storage } from '../storage/storage.js';
import type { Checker } from './checker.js';
import type { Lookout } from './lookout.js';
import type { Stack } from './stack.js';

/** What the iterations of one test run on. */
export interface TestBed {
  testId: string;
  settings: ReliabilitySettings;
  stack: Stack;
  temporal: Client;
  client: HandoffClient;
  /** Of the test, not of the place from which it was started. */
  storage: Storage;
  checker: Checker;
  lookout: Lookout;
  /** Aborted where somebody asks the test to stop. */
  signal: AbortSignal;
  /** When the first iteration began, milliseconds since the epoch. */
  beganAt: number;
}
