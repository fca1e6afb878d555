import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HandoffError, isErrorCode, type ErrorParams } from '../core/errors.js';
import type { ReliabilityDetail, ReliabilityReport } from '../core/reliability/report.js';
import { settingsOf, type ReliabilityOptions } from '../core/reliability/settings.js';
import type { ReliabilityFilter, ReliabilityTests } from '../storage/reliability.js';
import type { Storage } from '../storage/storage.js';

/** The built file: a process of its own runs JavaScript, also where this runs from source. */
const MAIN = fileURLToPath(new URL('../../dist/reliability/main.js', import.meta.url));

/** What the process answers once it knows whether it can begin. */
type Begun = { testId: string } | { error: { code: string; message: string; params: ErrorParams } };

/**
 * Reliability tests: each runs in a process of its own, which goes on when this one ends, and writes how far it is to the
 * storage at least once a second.
 */
export class ReliabilityClient {
  constructor(private readonly storage: Storage | undefined) {}

  /**
   * Starts one of the six tests, such as `RELIABILITY_STANDARD`, on a stack of its own, or on the server that
   * `options.address` names. Throws RELIABILITY_UNKNOWN, INVALID_RELIABILITY_TEST, STORAGE_REQUIRED.
   */
  async start(configurationId: string, options: ReliabilityOptions = {}): Promise<{ testId: string }> {
    const { folder, root, sources, durability } = this.need('A reliability test');
    settingsOf(configurationId, options, () => 0);
    const child = fork(MAIN, { detached: true, execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const answer = await new Promise<Begun>((resolve, reject) => {
      child.once('message', (m) => resolve(m as Begun));
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        const why = `the process of the test ended before it began (${signal ?? code ?? '?'})`;
        reject(new HandoffError('INTERNAL', { why }));
      });
      child.send({ configuration: configurationId, options, storage: { folder, root, sources, durability } });
    });
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
    if ('testId' in answer) return answer;
    const { code, message, params } = answer.error;
    throw isErrorCode(code) ? new HandoffError(code, params) : new HandoffError('INTERNAL', { why: message });
  }

  /** How far a test is, or what came of it. Of one whose process is gone it says so. Throws RELIABILITY_TEST_NOT_FOUND. */
  async status(testId: string): Promise<ReliabilityReport> {
    return (await this.tests.get(testId)).report;
  }

  /** Each iteration and each strike of a test that is over; undefined before that. Throws RELIABILITY_TEST_NOT_FOUND. */
  async detail(testId: string): Promise<ReliabilityDetail | undefined> {
    return (await this.tests.get(testId)).detail;
  }

  /** Newest first. */
  list(filter?: ReliabilityFilter): Promise<ReliabilityReport[]> {
    return this.tests.list(filter);
  }

  /** Asks a test to stop; within a second or two it is `stopped`. One that has ended stays as it is. Throws RELIABILITY_TEST_NOT_FOUND. */
  async stop(testId: string): Promise<void> {
    await this.tests.stop(testId);
  }

  private get tests(): ReliabilityTests {
    return this.need('The record of reliability tests').reliability;
  }

  private need(what: string): Storage {
    if (!this.storage) throw new HandoffError('STORAGE_REQUIRED', { what });
    return this.storage;
  }
}
