import { condition, workflowInfo, type CancellationScope } from '@temporalio/workflow';
import {
  initialPipeline,
  type FrozenPhase,
  type PipelineInput,
  type PipelineState,
} from '../../core/pipeline/pipeline.js';
import { reducePipeline, type PipelineEvent } from '../../core/pipeline/reducer.js';
import type { PipelineRef } from '../../core/pipeline/task.js';

type Undated = PipelineEvent extends infer E ? (E extends PipelineEvent ? Omit<E, 'now'> : never) : never;

/** What the parts of one run share: its state, which only `dispatch` changes, and what is in flight. */
export class PipelineRun {
  state: PipelineState;
  /** The step at work; a cancellation ends it. */
  working: CancellationScope | undefined;
  /** A package is being taken up, by a resume or by the clock. */
  receiving = false;
  /** What this run's own child says; of one that another run began, nothing comes. */
  readonly children = new Map<string, { outcome?: string; reason?: string }>();
  /** Told of each change. */
  changed: () => void = () => {};
  private version = 0;

  constructor(readonly input: PipelineInput) {
    this.state = input.carried ?? initialPipeline(Date.now());
  }

  get phases(): readonly FrozenPhase[] {
    return this.input.phases;
  }

  get ref(): PipelineRef {
    return { subject: this.input.subject, epoch: this.state.epoch };
  }

  /** The chain of runs, which stays the same when one continues as new. */
  get chain(): string {
    return workflowInfo().firstExecutionRunId;
  }

  dispatch(event: Undated): void {
    this.state = reducePipeline(this.state, { ...event, now: Date.now() }, this.phases);
    this.wake();
    this.changed();
  }

  /** Something happened that is no event. */
  wake(): void {
    this.version++;
  }

  /** Resolves once something happens, or at `until`. A message that was there first is handled first. */
  async change(until?: number, summary = ''): Promise<void> {
    const seen = this.version;
    const changed = (): boolean => this.version !== seen;
    if (until === undefined) await condition(changed);
    else if (until > Date.now())
      await condition(changed, Math.min(until - Date.now(), MAX_TIMER_MS), { summary: summary.slice(0, 120) });
  }
}

/** Upper bound of one timer; a later time is reached by several. */
const MAX_TIMER_MS = 30 * 24 * 60 * 60 * 1000;
