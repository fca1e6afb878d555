import type { Selectable, Transaction } from 'kysely';
import { HandoffError } from '../../core/errors.js';
import {
  isOpenPipeline,
  placeAt,
  shownPipeline,
  type FrozenPhase,
  type PipelineShown,
  type PipelineState,
  type PipelineStatus,
  type PipelineSubject,
  type PipelineTerms,
} from '../../core/pipeline/pipeline.js';
import { blockedPipeline } from '../../core/pipeline/words.js';
import type { Db, Queries } from '../database.js';
import type { Tables } from '../schema.js';
import type { PipelineStepTable, PipelineTable } from './tables.js';

/** What the database knows of a pipeline. Times in milliseconds. */
export interface StoredPipeline {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  terms: PipelineTerms;
  epoch: number;
  run: string;
  taskQueue: string;
  status: PipelineStatus;
  shown: PipelineShown;
  /** Why it does not move, if it does not. */
  blocked?: string;
  phase: string;
  step?: string;
  /** The package that it waits with. */
  packageId?: string;
  state?: PipelineState;
  createdAt: number;
  updatedAt: number;
  closedAt?: number;
}

/** A step that is done. */
export interface DoneStep {
  phase: string;
  step: string;
  epoch: number;
  attempt: number;
  result: Record<string, unknown>;
  /** When the attempt began that ended it. */
  startedAt: number;
  doneAt: number;
}

/** One call of a step: `number` rises within a run. */
export interface AttemptId {
  run: string;
  number: number;
}

/** Who asks: what an older epoch asks for is refused. */
export interface Fence {
  pipelineId: string;
  epoch: number;
  /** One attempt of a step, which {@link beginAttempt} has begun. What another one has overtaken is refused. */
  attempt?: AttemptId;
}

interface Snapshot {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  state?: PipelineState;
}

const storedOf = (r: Selectable<PipelineTable>): StoredPipeline => {
  const { subject, phases, state } = JSON.parse(r.snapshot) as Snapshot;
  return {
    subject,
    phases,
    terms: JSON.parse(r.terms) as PipelineTerms,
    epoch: r.epoch,
    run: r.run,
    taskQueue: r.task_queue,
    status: r.status as PipelineStatus,
    shown: r.shown as PipelineShown,
    phase: r.phase,
    createdAt: r.created_at,
    updatedAt: r.updated_at,
    ...(r.blocked === null ? {} : { blocked: r.blocked }),
    ...(r.step === null ? {} : { step: r.step }),
    ...(r.package === null ? {} : { packageId: r.package }),
    ...(state ? { state } : {}),
    ...(r.closed_at === null ? {} : { closedAt: r.closed_at }),
  };
};

/** The projection of all pipelines, the steps that each has done, and the fence that shuts late attempts out. */
export class Pipelines {
  constructor(private readonly db: Db) {}

  /**
   * Gives a pipeline's epoch to a chain of runs, once: asked again by the same chain it says the same. Throws
   * PIPELINE_RESUME_FAILED where another has it, or a later one.
   */
  async take(subject: PipelineSubject, phases: readonly FrozenPhase[], taking: Taking): Promise<void> {
    await this.db.transaction().execute((trx) => takePipeline(trx, subject, phases, taking));
  }
  /** Throws STALE_EPOCH for what a resume has overtaken. */
  async check(fence: Fence, what: string): Promise<void> {
    await checkFence(this.db, fence, what);
  }

  /** Runs `work` in one transaction in which nobody else can resume the pipeline. Throws STALE_EPOCH. */
  async fenced<T>(fence: Fence, what: string, work: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(async (trx) => {
      await checkFence(trx, fence, what);
      return work(trx);
    });
  }

  /** Writes the present state. One that is older than what is written changes nothing. */
  async project({ pipelineId: id }: PipelineSubject, state: PipelineState, taskQueue: string): Promise<void> {
    const now = Date.now();
    await this.db.transaction().execute(async (trx) => {
      const row = await trx.selectFrom('pipelines').select('snapshot').where('id', '=', id).executeTakeFirst();
      if (!row) return;
      // They never change, and are too many to be sent along with every state.
      const { subject, phases } = JSON.parse(row.snapshot) as Snapshot;
      const { phase, step } = placeAt(state.at, phases);
      await trx
        .updateTable('pipelines')
        .set({
          status: state.status,
          shown: shownPipeline(state),
          blocked: blockedPipeline(state, phases) ?? null,
          task_queue: taskQueue,
          phase,
          step: step ?? null,
          package: state.checkpoint?.packageId ?? null,
          snapshot: JSON.stringify({ subject, phases, state } satisfies Snapshot),
          updated_at: now,
          closed_at: isOpenPipeline(state) ? null : now,
          as_of: state.lastEventAt,
        })
        .where('id', '=', id)
        .where('epoch', '<=', state.epoch)
        .where('as_of', '<=', state.lastEventAt)
        .execute();
    });
  }

  /** Marks one whose run is gone; a run that takes it over shows it as what it is again. */
  async lose({ subject, epoch }: StoredPipeline, why: string): Promise<void> {
    await this.db
      .updateTable('pipelines')
      .set({ shown: 'lost', blocked: why.slice(0, 200) })
      .where('id', '=', subject.pipelineId)
      .where('epoch', '=', epoch)
      .where('closed_at', 'is', null)
      .execute();
  }

  /** The record of a step that is done. */
  async done(pipelineId: string, phase: string, step: string): Promise<DoneStep | undefined> {
    return doneStep(this.db, pipelineId, phase, step);
  }

  /** Steps that are done, in the order in which they ended. */
  async steps(pipelineId: string): Promise<DoneStep[]> {
    const rows = await this.db
      .selectFrom('pipeline_steps')
      .selectAll()
      .where('pipeline', '=', pipelineId)
      .orderBy('done_at')
      .execute();
    return rows.map(doneOf);
  }

  /** Makes the phases of a worker known to clients; one of the same name is replaced. */
  async publishPhases(phases: readonly FrozenPhase[]): Promise<void> {
    for (const { phase, steps } of phases) {
      const row = { steps: JSON.stringify(steps) };
      await this.db
        .insertInto('phase_parts')
        .values({ phase, ...row })
        .onConflict((c) => c.column('phase').doUpdateSet(row))
        .execute();
    }
  }

  /** The phases that workers have made known. */
  async phases(): Promise<FrozenPhase[]> {
    const rows = await this.db.selectFrom('phase_parts').selectAll().orderBy('phase').execute();
    return rows.map((r) => ({ phase: r.phase, steps: JSON.parse(r.steps) as FrozenPhase['steps'] }));
  }

  async find(pipelineId: string): Promise<StoredPipeline | undefined> {
    const row = await this.db.selectFrom('pipelines').selectAll().where('id', '=', pipelineId).executeTakeFirst();
    return row && storedOf(row);
  }

  /** The newest pipeline of a session. */
  async ofSession(session: string): Promise<StoredPipeline | undefined> {
    return (await this.list({ session, limit: 1 }))[0];
  }

  /** Newest first; 100 without a limit. */
  async list(filter: { session?: string; open?: boolean; limit?: number } = {}): Promise<StoredPipeline[]> {
    let q = this.db.selectFrom('pipelines').selectAll();
    if (filter.session !== undefined) q = q.where('session', '=', filter.session);
    if (filter.open) q = q.where('closed_at', 'is', null);
    const rows = await q
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(filter.limit ?? 100)
      .execute();
    return rows.map(storedOf);
  }
}

/** Who takes a pipeline's epoch: a chain of runs, by its first. */
export interface Taking {
  epoch: number;
  run: string;
  taskQueue: string;
  terms: PipelineTerms;
}

/** {@link Pipelines.take} in a transaction that does more than that. */
export async function takePipeline(
  trx: Queries,
  subject: PipelineSubject,
  phases: readonly FrozenPhase[],
  { epoch, run, taskQueue, terms }: Taking,
): Promise<void> {
  const id = subject.pipelineId;
  const known = await trx.selectFrom('pipelines').selectAll().where('id', '=', id).executeTakeFirst();
  if (known && (known.epoch > epoch || (known.epoch === epoch && known.run !== run))) {
    const why = `pipeline ${id} of session ${subject.session} was resumed already (epoch ${known.epoch})`;
    throw new HandoffError('PIPELINE_RESUME_FAILED', { why });
  }
  const now = Date.now();
  const taken = { epoch, run, task_queue: taskQueue, updated_at: now, closed_at: null };
  if (known) {
    if (known.epoch < epoch) await trx.updateTable('pipelines').set(taken).where('id', '=', id).execute();
    return;
  }
  // A session has one at a time: what was open is no more, or could not be begun again.
  await trx
    .updateTable('pipelines')
    .set({ shown: 'lost', blocked: `${id} took its place`, closed_at: now })
    .where('session', '=', subject.session)
    .where('closed_at', 'is', null)
    .execute();
  await trx
    .insertInto('pipelines')
    .values({
      ...taken,
      id,
      session: subject.session,
      clone_id: subject.cloneId,
      status: 'running',
      shown: 'running',
      blocked: null,
      phase: phases[0]?.phase ?? '',
      step: phases[0]?.steps[0]?.name ?? null,
      package: null,
      terms: JSON.stringify(terms),
      snapshot: JSON.stringify({ subject, phases: [...phases] } satisfies Snapshot),
      created_at: now,
      attempt: '',
      as_of: 0,
    })
    .execute();
}

/** Throws STALE_EPOCH for what a resume or another attempt has overtaken. */
export async function checkFence(q: Queries, { pipelineId, epoch, attempt }: Fence, what: string): Promise<void> {
  const row = await q
    .selectFrom('pipelines')
    .select(['epoch', 'attempt'])
    .where('id', '=', pipelineId)
    .executeTakeFirst();
  if (!row) return;
  if (row.epoch !== epoch) throw new HandoffError('STALE_EPOCH', { step: what, epoch, current: row.epoch });
  if (attempt && row.attempt !== attemptText(attempt)) throw overtaken(what, epoch);
}

const attemptText = ({ run, number }: AttemptId): string => `${run}/${number}`;

const overtaken = (step: string, epoch: number): HandoffError =>
  new HandoffError('STALE_EPOCH', { step, epoch: `${epoch}, and another has its place`, current: epoch });

/**
 * Puts an attempt in the place of any that may still be at work, inside {@link Pipelines.fenced}. Throws STALE_EPOCH where
 * a later one of the same run has begun.
 */
export async function beginAttempt(
  trx: Queries,
  pipeline: string,
  step: { phase: string; step: string },
  epoch: number,
  attempt: AttemptId,
): Promise<void> {
  const row = await trx.selectFrom('pipelines').select('attempt').where('id', '=', pipeline).executeTakeFirst();
  const [run, number] = row?.attempt.split('/') ?? [];
  if (run === attempt.run && Number(number) > attempt.number) throw overtaken(`${step.phase}/${step.step}`, epoch);
  await trx
    .updateTable('pipelines')
    .set({ ...step, attempt: attemptText(attempt), updated_at: Date.now() })
    .where('id', '=', pipeline)
    .execute();
}

/** The record of a step that is done. */
export async function doneStep(
  q: Queries,
  pipeline: string,
  phase: string,
  step: string,
): Promise<DoneStep | undefined> {
  const row = await q
    .selectFrom('pipeline_steps')
    .selectAll()
    .where('pipeline', '=', pipeline)
    .where('phase', '=', phase)
    .where('step', '=', step)
    .executeTakeFirst();
  return row && doneOf(row);
}

const doneOf = (r: Selectable<PipelineStepTable>): DoneStep => ({
  phase: r.phase,
  step: r.step,
  epoch: r.epoch,
  attempt: r.attempt,
  result: JSON.parse(r.result) as Record<string, unknown>,
  startedAt: r.started_at,
  doneAt: r.done_at,
});

/** Records a step as done, inside {@link Pipelines.fenced}: no attempt of it is at work any more. */
export async function recordStep(trx: Queries, pipeline: string, done: Omit<DoneStep, 'doneAt'>): Promise<void> {
  const { startedAt, result, ...step } = done;
  await trx
    .insertInto('pipeline_steps')
    .values({ ...step, pipeline, result: JSON.stringify(result), started_at: startedAt, done_at: Date.now() })
    .execute();
  await trx.updateTable('pipelines').set({ attempt: '' }).where('id', '=', pipeline).execute();
}
