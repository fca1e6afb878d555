import {
  initialPipeline,
  isOpenPipeline,
  placeAt,
  progressOfPipeline,
  type Cursor,
  type PipelineState,
} from '../../core/pipeline/pipeline.js';
import { pipelineSnapshot, type PipelineSnapshot } from '../../core/pipeline/snapshot.js';
import type { StoredPipeline } from '../../storage/pipelines/pipelines.js';

/** Where a pipeline stands. */
export interface PipelineReport extends Omit<PipelineSnapshot, 'shown'> {
  session: string;
  /** As {@link PipelineSnapshot.shown}; of a run that was ended in Temporal, how: `terminated`, `failed`, `timed_out`. */
  shown: string;
  /** `storage`: nobody answered, so this is the last record. */
  from: 'run' | 'storage';
  /** Its run was ended in Temporal, before it could say how it ended. */
  gone?: { how: string; why?: string };
  /** The task queue that it waits at, where nobody polls it. */
  waitsForWorker?: string;
}

/** A pipeline in a list, by its last record. Times in milliseconds. */
export interface PipelineSummary {
  session: string;
  pipelineId: string;
  shown: string;
  /** Why it does not move, in a few words; absent where it does. */
  blocked?: string;
  /** The phase and step at work, or next; past the end, the last phase. */
  phase: string;
  step?: string;
  stepsDone: number;
  steps: number;
  percent: number;
  /** The package that it waits with. */
  packageId?: string;
  taskQueue: string;
  createdAt: number;
  updatedAt: number;
  closedAt?: number;
}

export const isOver = (r: Pick<PipelineReport, 'gone' | 'state'>): boolean =>
  r.gone !== undefined || !isOpenPipeline(r.state);

/** Each step records itself when it begins, the state only now and then: whichever is further says where it stands. */
function furthest({ phase, step, phases, state }: StoredPipeline): Cursor {
  const at = state?.at ?? { phase: 0, step: 0 };
  const p = phases.findIndex((f) => f.phase === phase);
  const s = phases[p]?.steps.findIndex((f) => f.name === step) ?? -1;
  const isFurther = s >= 0 && (p > at.phase || (p === at.phase && s > at.step));
  return isFurther ? { phase: p, step: s } : at;
}

/** What the database knows of a pipeline, as its run would say it. */
export function reportOf(stored: StoredPipeline): PipelineReport {
  const { subject, taskQueue, updatedAt } = stored;
  const known: PipelineState = stored.state ?? { ...initialPipeline(stored.createdAt), epoch: stored.epoch };
  const snapshot = pipelineSnapshot(stored, { ...known, at: furthest(stored) }, taskQueue, updatedAt);
  return { session: subject.session, from: 'storage', ...snapshot };
}

/** What a list says of a record. */
export function pipelineSummary(stored: StoredPipeline): PipelineSummary {
  const { subject, phases, shown, blocked, packageId, taskQueue, createdAt, updatedAt, closedAt } = stored;
  const at = furthest(stored);
  const { phase, step } = placeAt(at, phases);
  return {
    session: subject.session,
    pipelineId: subject.pipelineId,
    shown,
    ...(blocked === undefined ? {} : { blocked }),
    phase,
    ...(step === undefined ? {} : { step }),
    ...progressOfPipeline(at, phases),
    ...(packageId === undefined ? {} : { packageId }),
    taskQueue,
    createdAt,
    updatedAt,
    ...(closedAt === undefined ? {} : { closedAt }),
  };
}
