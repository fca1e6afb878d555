import { sha256 } from '../core/digest.js';
import { PACKAGE_ID } from '../core/ids.js';
import type { PauseCheckpoint } from '../core/package/pause-checkpoint.js';
import { ContextManager } from '../packages/context-manager.js';
import { HandoffManager } from '../packages/handoff-manager.js';
import type { Storage } from '../storage/storage.js';
import { failpoint } from '../faults/failpoint.js';

/** The id of the package of a pause. It follows from the handoff, so that an attempt that is repeated writes the same. */
export function pausePackageId(handoff: string, pause: number): string {
  const id = `hof-${handoff}-p${pause}`;
  return PACKAGE_ID.test(id) ? id : `hof-${sha256(handoff)}-p${pause}`;
}

/**
 * Writes the package of a pause: the session's context as it is, and how far the handoff had come. What an earlier
 * attempt has written stays; another pause of the same number, as of a run that was reset, replaces it. Throws
 * CONTEXT_TOO_LARGE, DISK_FULL.
 */
export async function checkpointHandoff(storage: Storage, task: PauseCheckpoint): Promise<{ packageId: string }> {
  const { subject, pause, by, reason, sourcePhase, targetPhase, phase, step, totalSteps, resumePoint } = task;
  const { handoffId, session, procedure } = subject;
  const packageId = pausePackageId(handoffId, pause);
  const pausedAt = new Date(task.at).toISOString();
  const known = await storage.packages.load(packageId).catch(() => null);
  if (known?.metadata['pausedAt'] === pausedAt) return { packageId };
  const manager = new HandoffManager(new ContextManager(storage), storage.packages);
  await manager.createHandoff(session, {
    id: packageId,
    cloneId: handoffId,
    sourcePhase,
    targetPhase,
    createdBy: by,
    reason,
    orEmpty: true,
    metadata: { handoffId, procedure: procedure.id, status: task.status, epoch: task.epoch, pause, pausedAt },
    checkpoint: { phase, step, totalSteps, status: 'paused', resumePoint },
  });
  await failpoint('checkpoint.after');
  return { packageId };
}
