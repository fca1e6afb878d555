import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject, type TestContext } from 'vitest';
import type { RunStatus } from '../../src/client.js';
import type { MessageName } from '../../src/core/handoff.js';
import { workflowIdOf } from '../../src/core/ids.js';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.js';
import { Parts } from './parts.js';
import { Rig, type RigOptions } from './rig.js';

const MINUTE = 60_000;

/** A server of its own. The SDK gives it 5 s to start, which on a busy machine is not always enough. */
async function serverAt(path: string, tries = 3): Promise<TestWorkflowEnvironment> {
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path } },
    });
  } catch (error) {
    if (tries === 1 || !(error as Error).message.includes('did not start within')) throw error;
    return serverAt(path, tries - 1);
  }
}

/**
 * A rig on a time-skipping server of its own: its time is global, so that no two tests share one. Time stands still
 * (but for the test's own seconds) until {@link TimeRig.skip}.
 */
export class TimeRig {
  private constructor(
    private readonly env: TestWorkflowEnvironment,
    readonly rig: Rig,
    readonly parts: Parts,
  ) {}

  /** Skips the test, as not run, where no time-skipping server can be had. */
  static async create(ctx: TestContext, more: RigOptions = {}): Promise<TimeRig> {
    const path = inject('timeSkippingPath');
    if (path === '') ctx.skip('no time-skipping server');
    const env = await serverAt(path);
    try {
      // It can add search attributes and cannot list them, so that a worker adds none.
      const names = Object.entries(SEARCH_ATTRIBUTES);
      await env.connection.operatorService.addSearchAttributes({
        namespace: 'default',
        searchAttributes: Object.fromEntries(names.map(([name, type]) => [name, type === 'Keyword' ? 2 : 6])),
      });
      const parts = new Parts();
      return new TimeRig(env, await Rig.create({ ...parts.options, ...more, address: env.address }), parts);
    } catch (error) {
      await env.teardown();
      throw error;
    }
  }

  async close(): Promise<void> {
    try {
      this.parts.openAll();
      await this.rig.close();
    } finally {
      await this.env.teardown();
    }
  }

  /** Lets so many minutes pass. While a task of a workflow or an activity is open they are real ones. */
  skip(minutes: number): Promise<void> {
    return this.env.sleep(minutes * MINUTE);
  }

  /** The server's time, milliseconds. */
  now(): Promise<number> {
    return this.env.currentTimeMs();
  }

  /** The server's time in so many minutes, as messages carry it. */
  async iso(inMinutes = 0): Promise<string> {
    return new Date((await this.now()) + inMinutes * MINUTE).toISOString();
  }

  /** Sends a signal past our client, whose own clock knows nothing of skipped time. */
  signal(id: string, name: MessageName, message: object): Promise<void> {
    return this.rig.temporal.workflow.getHandle(workflowIdOf(id)).signal(name, message);
  }

  async pause(id: string, over: object = {}): Promise<RunStatus> {
    await this.signal(id, 'pause', { by: 'op', reason: 'why', ...over });
    return this.rig.until(id, (s) => s.state?.pausedSince !== undefined);
  }

  async resume(id: string, over: object = {}): Promise<RunStatus> {
    await this.signal(id, 'resume', { by: 'op', ...over });
    return this.rig.client.status(id);
  }
}

/** Minutes that are left of a handoff's time to be accepted, where its clock stands still. */
export const minutesLeft = (s: RunStatus): number => s.state!.expiry.remainingMs / MINUTE;

/** A second, in minutes: what the test itself may take. */
export const SECOND = 1 / 60;
