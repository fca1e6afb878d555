import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { canonicalJson } from '../core/digest.js';
import { effectFacts, type Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { UndoResult } from '../core/handoff.js';
import type { UndoChoice, UndoTask } from '../core/task.js';
import type { Tables } from '../storage/schema.js';
import { deleteEntry, putEntry, readEntry, writeEntry } from '../storage/context.js';
import { PHASE_STATUSES, type PhaseStatus } from '../core/phase.js';
import { readPhase, restorePhase, writePhase } from '../storage/sessions.js';
import type { Deps } from './action.js';
import { whileClaimed } from './effect-runner.js';
import { boundary, failpoint, failpointSync } from '../faults/failpoint.js';
import type { ContextData, PhaseData } from './sync-state.js';
import { conflict, undoFile } from './undo-file.js';

type Choice = UndoChoice['choice'] | undefined;

/** Undoes effects in their order; one that fails stops it, and what is undone by then stays on record. */
export async function undoEffects(deps: Deps, task: UndoTask, signal: AbortSignal): Promise<UndoResult[]> {
  const results: UndoResult[] = [];
  for (const key of task.keys) {
    // What waits for the database and the disk waits in place: between two, others are heard.
    await nextTurn();
    try {
      results.push(await undoEffect(deps, key, task.choices[key], signal));
    } catch (error) {
      // The key tells the run at which effect of several it stands.
      const { code = 'UNDO_FAILED', params = { why: (error as Error).message } } =
        error instanceof HandoffError ? error : {};
      const facts = effectFacts(key, params['resource']);
      throw new HandoffError(code, { ...facts, ...params, key }, { cause: error });
    }
  }
  return results;
}

/**
 * Undoes one effect, comparing before it sets: what no longer holds our version is not touched, and UNDO_CONFLICT shows
 * ours, theirs and before. `choice` is an operator's decision on such a conflict.
 */
async function undoEffect(
  deps: Deps,
  key: string,
  decided: UndoChoice | undefined,
  signal: AbortSignal,
): Promise<UndoResult> {
  const { storage } = deps;
  const effect = await storage.ledger.find(key);
  if (!effect) throw new HandoffError('INTERNAL', { why: `effect ${key} is not in the ledger` });
  if (effect.status === 'undone') return effect.undoResult ?? 'undone';
  await boundary('undo.dispatched', effect.step);
  await failpoint('undo.before');
  const result =
    effect.kind === 'file'
      ? await undoFile(storage, effect, decided, signal)
      : decided?.choice === 'by_hand'
        ? await storage.ledger.undo(key, () => 'resolved_by_hand')
        : decided?.choice === 'keep_theirs'
          ? await storage.ledger.undo(key, () => 'kept_theirs')
          : await undoByKind(deps, effect, decided, signal);
  await failpoint('undo.after');
  await boundary('undo.recorded', effect.step);
  return result;
}

async function undoByKind(
  deps: Deps,
  effect: Effect,
  decided: UndoChoice | undefined,
  signal: AbortSignal,
): Promise<UndoResult> {
  const { ledger } = deps.storage;
  const { choice, value } = decided ?? {};
  switch (effect.kind) {
    case 'context':
      return ledger.undo(effect.key, async (trx) => restored(effect, await undoContext(trx, effect, choice, value)));
    case 'phase':
      return ledger.undo(effect.key, async (trx) => restored(effect, await undoPhase(trx, effect, choice, value)));
    case 'delivery':
      return ledger.undo(effect.key, async (trx) => {
        await trx.deleteFrom('deliveries').where('handoff', '=', effect.handoff).execute();
        return restored(effect, 'undone');
      });
    default: {
      const name = effect.kind.slice('action:'.length);
      const action = deps.actions.get(name);
      if (!action?.undo)
        throw new HandoffError('ACTION_UNKNOWN', { action: name, known: [...deps.actions.keys()].join(', ') });
      // An attempt that runs on past its time-out must end first, and none may begin meanwhile: what it does would stay.
      return whileClaimed(ledger, effect.key, signal, async () => {
        const result = await action.undo!(effect, { storage: deps.storage, signal });
        return ledger.undo(effect.key, () => restored(effect, result ?? 'undone'));
      });
    }
  }
}

/** What is undone, but not yet on record. */
async function restored(effect: Effect, result: UndoResult): Promise<UndoResult> {
  failpointSync('undo.after_restore');
  await boundary('undo.acted', effect.step);
  return result;
}

async function undoContext(
  trx: Transaction<Tables>,
  effect: Effect,
  choice: Choice,
  value: unknown,
): Promise<UndoResult> {
  const { session, key, before } = effect.data as ContextData;
  const found = await readEntry(trx, session, key);
  const ours = effect.result as { version: number; digest: string };
  const shown = (e: { version: number; digest: string } | null | undefined): string =>
    e ? `version ${e.version} sha256 ${e.digest.slice(0, 12)}…` : 'absent';
  if (choice === 'merge') {
    await writeEntry(trx, session, key, canonicalJson(value), { by: `repair of ${effect.handoff}` });
    return 'merged';
  }
  const isOurs = found?.version === ours.version && found.digest === ours.digest;
  if (!isOurs && choice === undefined) throw conflict(effect, shown(ours), shown(found), shown(before));
  if (before) await putEntry(trx, session, before);
  else await deleteEntry(trx, session, key);
  return choice === 'restore_before' ? 'restored_before' : 'undone';
}

async function undoPhase(
  trx: Transaction<Tables>,
  effect: Effect,
  choice: Choice,
  value: unknown,
): Promise<UndoResult> {
  const { session, phase, status, before } = effect.data as PhaseData;
  const found = await readPhase(trx, session, phase);
  const ours = effect.result as { version: number };
  const shown = (p: { status: string; version: number } | null | undefined): string =>
    p ? `${p.status} (version ${p.version})` : 'absent';
  if (choice === 'merge') {
    if (!PHASE_STATUSES.includes(value as PhaseStatus)) {
      throw new HandoffError('INVALID_MESSAGE', {
        message: 'resolveIncident',
        why: `value: must be one of ${PHASE_STATUSES.join(', ')}`,
      });
    }
    await writePhase(trx, session, phase, value as PhaseStatus, `repair of ${effect.handoff}`);
    return 'merged';
  }
  if (found?.version !== ours.version && choice === undefined) {
    throw conflict(effect, shown({ status, version: ours.version }), shown(found), shown(before));
  }
  await restorePhase(trx, session, phase, before ?? undefined);
  return choice === 'restore_before' ? 'restored_before' : 'undone';
}
