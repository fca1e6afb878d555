import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HandoffError } from '../../core/errors.js';
import type { RestoreConflict } from '../../core/package.js';
import type { Checkpoint, PackedPipeline } from '../../core/pipeline.js';
import type { CheckpointTask, ReceiveTask } from '../../core/pipeline-task.js';
import type { Deps } from '../action.js';

// Stands in for the packages until they are there.
const fileOf = (deps: Deps, id: string): string => path.join(deps.storage.folder, 'stub-packages', `${id}.json`);

export async function writePackage(deps: Deps, task: CheckpointTask): Promise<Checkpoint> {
  await mkdir(path.dirname(fileOf(deps, task.packageId)), { recursive: true });
  await writeFile(fileOf(deps, task.packageId), JSON.stringify({ packed: task.packed }));
  const { packageExpiryMs } = task.packed;
  return {
    packageId: task.packageId,
    status: task.status,
    resumePoint: task.resumePoint,
    reason: task.reason,
    at: task.now,
    ...(packageExpiryMs === undefined ? {} : { expiry: { remainingMs: packageExpiryMs } }),
  };
}

export async function restorePackage(
  deps: Deps,
  task: ReceiveTask & { packageId: string },
): Promise<{ packed: PackedPipeline; conflicts: RestoreConflict[] }> {
  const text = await readFile(fileOf(deps, task.packageId), 'utf8').catch(() => undefined);
  if (text === undefined) throw new HandoffError('PIPELINE_RESUME_FAILED', { why: 'Handoff package not found' });
  return { ...(JSON.parse(text) as { packed: PackedPipeline }), conflicts: [] };
}
