import { HandoffError } from '../../core/errors.js';
import type { PipelineHandoffPackage, RestoreConflict } from '../../core/package/package.js';
import { ledgerIdOf } from '../../core/pipeline/ids.js';
import { packedIn, type Checkpoint, type PackedPipeline } from '../../core/pipeline/pipeline.js';
import type { CheckpointTask, ReceiveTask } from '../../core/pipeline/task.js';
import { ContextManager } from '../../packages/context-manager.js';
import { HandoffManager } from '../../packages/handoff-manager.js';
import { takePipeline } from '../../storage/pipelines/pipelines.js';
import type { Storage } from '../../storage/storage.js';

const managerOf = (storage: Storage): HandoffManager =>
  new HandoffManager(new ContextManager(storage), storage.packages);

/** Writes a checkpoint's package, unless an earlier attempt has: what went on since is not in it. */
export async function writePackage(storage: Storage, task: CheckpointTask): Promise<Checkpoint> {
  const { packageId } = task;
  const { packageExpiryMs } = task.packed.terms;
  const handoff = (await storage.packages.load(packageId)) ?? (await create(storage, task));
  return {
    packageId,
    status: task.status,
    resumePoint: handoff.checkpoint.resumePoint,
    reason: handoff.metadata.reason,
    at: task.now,
    ...(packageExpiryMs === undefined ? {} : { expiry: { remainingMs: packageExpiryMs } }),
  };
}

function create(storage: Storage, task: CheckpointTask): Promise<PipelineHandoffPackage> {
  const { subject, packed, packageId } = task;
  const { packageExpiryMs } = packed.terms;
  return managerOf(storage).createHandoff(subject.session, {
    id: packageId,
    cloneId: subject.cloneId,
    pipelineVersion: subject.pipelineVersion,
    sourcePhase: task.phase,
    targetPhase: task.phase,
    createdBy: task.by,
    reason: task.reason,
    ...(packageExpiryMs === undefined ? {} : { expiresAt: new Date(task.now + packageExpiryMs) }),
    checkpoint: {
      phase: task.phase,
      step: task.step,
      totalSteps: task.totalSteps,
      status: task.status,
      resumePoint: task.resumePoint,
      ...(task.error ? { error: task.error } : {}),
      pipeline: packed,
    },
  });
}

/**
 * Restores a package's context into its session, and gives its pipeline's epoch to this run, in one transaction: a run
 * that comes too late restores nothing. Throws PIPELINE_RESUME_FAILED with what the manager says.
 */
export async function restorePackage(
  storage: Storage,
  task: ReceiveTask & { packageId: string },
): Promise<{ packed: PackedPipeline; epoch: number; conflicts: RestoreConflict[] }> {
  const received = await managerOf(storage).receiveHandoff(task.packageId, {
    merge: task.merge,
    into: task.subject.session,
    by: ledgerIdOf(task.subject.pipelineId),
    // An attempt that comes late must not write over what was written since.
    once: `${task.run}/${task.epoch}`,
    admit: async (handoff, trx) => {
      const { epoch } = packedFor(task, handoff);
      await takePipeline(trx, task.subject, task.phases, { ...task, epoch });
    },
    ...(task.asOf === undefined ? {} : { now: new Date(task.asOf) }),
  });
  if (!received.success) {
    const { error, code, detail } = received;
    throw new HandoffError('PIPELINE_RESUME_FAILED', { why: error, code, ...(detail ? { detail } : {}) });
  }
  return { ...packedFor(task, received.handoff), conflicts: received.conflicts };
}

/** What the package keeps of this pipeline, and the epoch of who takes it up. */
function packedFor(
  task: ReceiveTask & { packageId: string },
  handoff: PipelineHandoffPackage,
): { packed: PackedPipeline; epoch: number } {
  const packed = packedIn(handoff);
  if (!packed) throw new HandoffError('PIPELINE_RESUME_FAILED', { why: `package ${task.packageId} is of no pipeline` });
  const { pipelineId } = packed.subject;
  if (pipelineId !== task.subject.pipelineId)
    throw new HandoffError('PIPELINE_RESUME_FAILED', { why: `it is of pipeline ${pipelineId}` });
  return { packed, epoch: Math.max(task.epoch, packed.epoch + 1) };
}
