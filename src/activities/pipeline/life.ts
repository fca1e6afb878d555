import { workflowIdOf } from '../../core/ids.js';
import type { HandoffOutcome, Outcome } from '../../core/handoff.js';
import { ledgerIdOf } from '../../core/pipeline/ids.js';
import { placeAfter, type Checkpoint, type FrozenPhase, type ResumePlace } from '../../core/pipeline/pipeline.js';
import type {
  CheckpointTask,
  OpenPipelineTask,
  ProjectPipelineTask,
  Received,
  ReceiveTask,
} from '../../core/pipeline/task.js';
import { ContextManager } from '../../packages/context-manager.js';
import { writePhase } from '../../storage/sessions.js';
import type { Storage } from '../../storage/storage.js';
import type { Deps } from '../action.js';
import { failpoint } from '../../faults/failpoint.js';
import { unknownPhase } from './phase.js';
import { restorePackage, writePackage } from './packages.js';

/** Registers a pipeline before it does anything. Throws PHASE_UNKNOWN, PIPELINE_RESUME_FAILED. */
export async function openPipeline(deps: Deps, task: OpenPipelineTask): Promise<{ epoch: number }> {
  checkPhases(deps, task.phases);
  await new ContextManager(deps.storage).createContext(task.subject.session);
  await deps.storage.pipelines.take(task.subject, task.phases, { ...task, epoch: 1 });
  await failpoint('pipeline_open.after');
  return { epoch: 1 };
}

/** Throws PHASE_UNKNOWN for a phase or step that this worker has no handler for. */
function checkPhases({ phases }: Deps, wanted: readonly FrozenPhase[]): void {
  for (const { phase, steps } of wanted) {
    const here = phases.get(phase);
    if (!here) throw unknownPhase(phase, phases);
    const step = steps.find(({ name }) => !here.some((s) => s.name === name));
    if (step) throw unknownPhase(`${phase}/${step.name}`, phases);
  }
}

/** Writes the checkpoint package of an epoch; asked again, the same one. Throws STALE_EPOCH, CONTEXT_TOO_LARGE. */
export async function checkpointPipeline(deps: Deps, task: CheckpointTask): Promise<Checkpoint> {
  const { storage } = deps;
  const { subject, epoch, status, phase } = task;
  const { pipelineId, session } = subject;
  const fence = { pipelineId, epoch };
  await storage.pipelines.check(fence, task.resumePoint);
  if (status === 'error') {
    await storage.pipelines.fenced(fence, task.resumePoint, async (trx) => {
      await writePhase(trx, session, phase, 'failed', ledgerIdOf(pipelineId));
    });
  }
  await failpoint('checkpoint.before');
  const checkpoint = await writePackage(storage, task);
  await failpoint('checkpoint.after');
  return checkpoint;
}

/**
 * Takes a package up: verified whole, its context restored by the merge strategy, and its epoch given to this run, so
 * that no other run goes on from it. Throws PIPELINE_RESUME_FAILED, with why, and PHASE_UNKNOWN.
 */
export async function receivePackage(deps: Deps, task: ReceiveTask): Promise<Received> {
  checkPhases(deps, task.phases);
  const { packageId } = task;
  await failpoint('receive.before');
  if (packageId === undefined) {
    const { epoch, fromRecords } = task;
    await deps.storage.pipelines.take(task.subject, task.phases, task);
    await failpoint('receive.after');
    return { epoch, conflicts: [], ...(fromRecords ? { place: await placeOnRecord(deps.storage, task) } : {}) };
  }
  const { packed, epoch, conflicts } = await restorePackage(deps.storage, { ...task, packageId });
  await failpoint('receive.after');
  const { at, entered, transitions, transition } = packed;
  return { epoch, conflicts, place: { at, entered, transitions, ...(transition ? { transition } : {}) } };
}

/** Where a pipeline stands by the records of its steps. What it knew of phase changes is in its last projection. */
async function placeOnRecord(storage: Storage, { subject, phases }: ReceiveTask): Promise<ResumePlace> {
  const at = placeAfter(await storage.pipelines.steps(subject.pipelineId), phases);
  const { entered = 0, transitions = 0, transition } = (await storage.pipelines.find(subject.pipelineId))?.state ?? {};
  const within = Math.max(entered, at.step > 0 ? at.phase : at.phase - 1);
  return { at, entered: within, transitions, ...(transition && within < at.phase ? { transition } : {}) };
}

export async function projectPipeline({ storage }: Deps, task: ProjectPipelineTask): Promise<void> {
  const { ref, state, taskQueue } = task;
  await storage.pipelines.project(ref.subject, state, taskQueue);
}

/** What became of a phase change whose run is another's child; nothing while it is open. */
export async function transitionOutcome(
  { storage, client }: Deps,
  { handoffId }: { handoffId: string },
): Promise<{ outcome?: Outcome; reason?: string }> {
  const stored = (await storage.handoffs.find(handoffId))?.outcome;
  if (stored) return { outcome: stored.outcome, ...(stored.reason === undefined ? {} : { reason: stored.reason }) };
  const described = await client?.workflow.getHandle(workflowIdOf(handoffId)).describe();
  if (!described || described.status.name === 'RUNNING') return {};
  const ended: Record<string, HandoffOutcome['outcome']> = { COMPLETED: 'completed', CANCELLED: 'cancelled' };
  const outcome = ended[described.status.name] ?? 'failed';
  return { outcome, reason: `its run is ${described.status.name.toLowerCase()}` };
}
