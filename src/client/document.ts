import { AgentHandoffCoordinator, type PreparedHandoff } from '../coordination/agent-handoff-coordinator.js';
import { carriedDocument } from '../core/document/carried-schema.js';
import { HandoffError } from '../core/errors.js';
import type { PackageContent } from '../core/request.js';
import type { Storage } from '../storage/storage.js';
import type { Runs } from './runs.js';

const EMPTY: PackageContent = { artifacts: [], context: {}, metadata: {} };

/** The document of a handoff as it is now: its content from storage, its state from the run. Throws HANDOFF_NOT_FOUND. */
export async function documentOf(runs: Runs, storage: Storage, id: string): Promise<PreparedHandoff> {
  const { subject, state } = await runs.status(id);
  if (!subject) throw new HandoffError('HANDOFF_NOT_FOUND', { handoff: id });
  const content = subject.package ? await storage.blobs.getJson<PackageContent>(subject.package) : EMPTY;
  const beganAt = (await storage.handoffs.find(id))?.createdAt ?? state?.createdAt ?? Date.now();
  return AgentHandoffCoordinator.parseHandoff(carriedDocument(subject, content, beganAt, state));
}
