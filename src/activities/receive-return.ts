import { activityInfo } from '@temporalio/activity';
import type { Contract, ContractFault, ReturnSpec } from '../core/contract.js';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { ArtifactSpec } from '../core/request.js';
import type { ReturnFact } from '../core/return-state.js';
import { RETURN_STEP } from '../core/returns.js';
import type { ReturnReceipt, ReturnTask, StepTask } from '../core/task.js';
import type { Ledger } from '../storage/ledger.js';
import { contentOf, refOf, type ActionContext, type Deps } from './action.js';
import { coverageFaults } from './coverage.js';
import { effectRunner } from './effect-runner.js';
import { boundary, failpoint } from '../faults/failpoint.js';
import { validateArtifacts, type ValidateInput } from '../contracts/validate.js';
import { arrivedBy, type Arrived } from '../storage/arrivals.js';
import { locateIfThere } from '../storage/files.js';
import { paceFor } from '../storage/transfer/pace.js';
import { printOf } from '../storage/transfer/print.js';
import { transferArtifacts } from './transfer-artifacts.js';
import { attemptOf } from './wrapper.js';

/** Returned artifacts of one handoff that are looked up in the ledger: more than a contract can expect. */
const MOST_ROWS = 10_000;

/**
 * Checks what an agent returns by the contract, and puts it in the source's folder: all of it, or nothing. What the
 * ledger holds from an earlier run of a reset one is not transferred again. Throws STALE_EPOCH after a rollback, and
 * what a source or a destination is not fit for.
 */
export async function receiveReturn(deps: Deps, given: ReturnTask, signal: AbortSignal): Promise<ReturnReceipt> {
  const { storage } = deps;
  const task = asStep(given);
  await boundary('step.dispatched', task.step);
  await storage.steps.begin(refOf(task));
  await failpoint('receive.before_check');
  const content = await contentOf(storage, task.subject);
  const names = given.artifacts.map((a) => a.name);
  const all = await rowsOf(storage.ledger, task);
  const there = all.filter((e) => names.includes(e.effect));
  const present = new Set(all.flatMap((e) => (e.status === 'applied' ? [e.effect] : [])));
  // What is checked is what is taken: the digest is pinned before anybody looks.
  const artifacts = await Promise.all(given.artifacts.map((a) => pinned(deps, a, signal)));
  const specs = specsOf(content.contract, names);
  const faults = await faultsOf(deps, content.contract, { specs, artifacts, present, signal });
  // An attempt that was killed may have begun to take what has faults by now.
  const left = activityInfo().attempt > 1 && there.some((e) => e.epoch === given.epoch);
  if (faults.length > 0) return { faults, received: [], ...(left ? { left } : {}) };
  await failpoint('receive.after_check');
  const older = there.filter((e) => e.epoch !== given.epoch && e.status === 'applied');
  for (const row of older) checkSame(row, artifacts);
  // One attempt takes it whole: its time-out is that of a worker that died.
  const attempt = { progress: attemptOf().progress, stopBy: Infinity };
  const context: ActionContext = {
    task,
    content,
    storage,
    signal,
    effect: effectRunner(deps, task, signal),
    ...attempt,
  };
  const fresh = artifacts.filter((a) => !older.some((e) => e.effect === a.name));
  const { source, target } = task.subject;
  if (fresh.length > 0)
    await transferArtifacts(context, deps, {
      artifacts: fresh,
      source: target,
      target: source,
      present,
      specs: specsOf(
        content.contract,
        fresh.map((a) => a.name),
      ),
    });
  const rows = (await rowsOf(storage.ledger, task)).filter((e) => names.includes(e.effect) && e.status === 'applied');
  for (const row of rows) checkSame(row, artifacts);
  await failpoint('receive.after_transfer');
  await boundary('step.recorded', task.step);
  return { faults: [], received: rows.flatMap((row) => arrivedBy(row) ?? []).map(factOf) };
}

/** Returned artifacts stand in the ledger under a step of their own. */
const asStep = ({ subject, epoch }: ReturnTask): StepTask => ({
  subject,
  step: RETURN_STEP,
  action: 'receive_return',
  epoch,
  rules: [],
  with: {},
  stopAt: 'high',
  severities: {},
  irreversible: false,
});

const rowsOf = (ledger: Ledger, { subject }: StepTask): Promise<Effect[]> =>
  ledger.toUndo(subject.handoffId, MOST_ROWS, undefined, [RETURN_STEP]);

const factOf = ({ name, sha256, path }: Arrived): ReturnFact => ({ name, sha256, path });

/** What has arrived before, as a run that was reset does not remember, must be what is handed in now. */
function checkSame(row: Effect, artifacts: readonly ArtifactSpec[]): void {
  const wanted = artifacts.find((a) => a.name === row.effect)?.sha256;
  // A transformer may have made something else of it.
  const found = arrivedBy(row)?.originalSha256;
  if (wanted !== undefined && found !== undefined && wanted !== found)
    throw new HandoffError('STATE_CONFLICT', {
      resource: row.resource,
      expected: `sha256 ${wanted}`,
      found: `sha256 ${found}`,
    });
}

/** With the digest of what lies there now, unless the agent has named one. Throws PATH_NOT_ALLOWED. */
async function pinned({ storage }: Deps, spec: ArtifactSpec, signal: AbortSignal): Promise<ArtifactSpec> {
  if (spec.sha256 !== undefined) return spec;
  const at = await locateIfThere(spec, storage.sources);
  const found = at && (await printOf(at.path, { artifact: spec.name, pace: paceFor(signal) }));
  return found ? { ...spec, sha256: found.sha256 } : spec;
}

const specsOf = (contract: Contract | undefined, names: readonly string[]): Record<string, ReturnSpec> =>
  Object.fromEntries(Object.entries(contract?.returns ?? {}).filter(([name]) => names.includes(name)));

async function faultsOf(
  { storage, transformers }: Deps,
  contract: Contract | undefined,
  what: Pick<ValidateInput, 'specs' | 'artifacts' | 'present' | 'signal'>,
): Promise<ContractFault[]> {
  if (!contract) return [];
  const { errors } = await validateArtifacts({
    ...what,
    sources: storage.sources,
    schemas: { pinned: contract.schemas, folders: storage.schemas },
    transformers,
  });
  return [...errors, ...(await coverageFaults(contract, what.artifacts, storage))];
}
