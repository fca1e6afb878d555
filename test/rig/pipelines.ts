import type { Client, WorkflowHandle } from '@temporalio/client';
import { expect, onTestFailed } from 'vitest';
import { startPipeline, type PipelineRequest, type StartedPipeline } from '../../src/client/pipeline/start.js';
import { pipelineWorkflowIdOf } from '../../src/core/pipeline/ids.js';
import {
  pipelineCancelSignal,
  pipelinePauseSignal,
  pipelineResumeUpdate,
  pipelineStatusQuery,
  pipelineTransferUpdate,
  type PipelinePauseMessage,
  type PipelineResumeAnswer,
  type PipelineResumeMessage,
  type PipelineSnapshot,
} from '../../src/messages.js';
import type { Storage } from '../../src/storage/storage.js';
import type { TestRun } from './replay.js';

const OP = { by: 'op' };

/** The pipelines of a test: started, steered, and at its end replayed, every run of each. */
export class Pipelines {
  /** The runs that were begun, by session; those that continue one are found from it. */
  readonly begun = new Map<string, Set<string>>();
  /** Pipelines that a test leaves open on purpose: replayed, then terminated. */
  readonly leftOpen = new Set<string>();

  constructor(
    private readonly temporal: Client,
    private readonly storage: Storage,
    private readonly taskQueue: string,
  ) {}

  caller(taskQueue = this.taskQueue): { temporal: Client; taskQueue: string; deadlineMs: number } {
    return { temporal: this.temporal, taskQueue, deadlineMs: 10_000 };
  }

  async start(request: PipelineRequest, taskQueue?: string): Promise<StartedPipeline> {
    const none = { procedures: [], actions: [], rules: [] };
    return this.track(await startPipeline(this.caller(taskQueue), this.storage, none, request));
  }

  track(started: StartedPipeline): StartedPipeline {
    const runs = this.begun.get(started.session) ?? new Set();
    this.begun.set(started.session, runs.add(started.runId));
    // What a try that failed leaves open is no fault of the next one.
    if (expect.getState().currentTestName !== undefined) onTestFailed(() => void this.leftOpen.add(started.session));
    return started;
  }

  handle(session: string, runId?: string): WorkflowHandle {
    return this.temporal.workflow.getHandle(pipelineWorkflowIdOf(session), runId);
  }

  status(session: string): Promise<PipelineSnapshot> {
    return this.handle(session).query(pipelineStatusQuery);
  }

  pause(session: string, over: Partial<PipelinePauseMessage> = {}): Promise<void> {
    return this.handle(session).signal(pipelinePauseSignal, { ...OP, ...over });
  }

  cancel(session: string): Promise<void> {
    return this.handle(session).signal(pipelineCancelSignal, { ...OP, reason: 'why' });
  }

  resume(session: string, over: Partial<PipelineResumeMessage> = {}): Promise<PipelineResumeAnswer> {
    return this.handle(session).executeUpdate(pipelineResumeUpdate, { args: [{ ...OP, ...over }] });
  }

  transfer(session: string, taskQueue: string): Promise<{ packageId: string }> {
    return this.handle(session).executeUpdate(pipelineTransferUpdate, { args: [{ ...OP, taskQueue }] });
  }

  /** Waits until a pipeline is as it should be; fails with what it is after `ms`. */
  async until(session: string, fits: (s: PipelineSnapshot) => boolean, ms = 30_000): Promise<PipelineSnapshot> {
    const end = Date.now() + ms;
    for (;;) {
      const status = await this.temporal
        .withDeadline(Date.now() + 5000, () => this.status(session))
        .catch((error: unknown) => error as Error);
      if (!(status instanceof Error) && fits(status)) return status;
      if (Date.now() > end)
        throw new Error(
          `pipeline ${session} is not as expected: ${status instanceof Error ? String(status) : status.words}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  untilShown(session: string, shown: string, ms?: number): Promise<PipelineSnapshot> {
    return this.until(session, (s) => s.shown === shown, ms);
  }

  /** The runs of a session's pipelines, the newest of each chain first. */
  async runs(session: string): Promise<string[]> {
    const { runId } = await this.handle(session).describe();
    const found = new Set<string>();
    const ask = [runId, ...(this.begun.get(session) ?? [])];
    for (let id = ask.shift(); id !== undefined; id = ask.shift()) {
      if (id === '' || found.has(id)) continue;
      found.add(id);
      const { events } = await this.handle(session, id).fetchHistory();
      ask.push(events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '');
    }
    return [...found];
  }

  /** For the replay at the end of a test: every run of each. */
  async *histories(): AsyncGenerator<TestRun> {
    for (const session of this.begun.keys()) {
      const workflowId = pipelineWorkflowIdOf(session);
      for (const runId of await this.runs(session))
        yield { workflowId, history: await this.handle(session, runId).fetchHistory() };
    }
  }

  /** Terminates what is open, and returns what should not have been. */
  async terminate(): Promise<string[]> {
    const forgotten: string[] = [];
    for (const session of this.begun.keys()) {
      const { status } = await this.handle(session).describe();
      if (status.name !== 'RUNNING') continue;
      await this.handle(session).terminate('end of test');
      if (!this.leftOpen.has(session)) forgotten.push(`pipeline ${session}`);
    }
    return forgotten;
  }
}
