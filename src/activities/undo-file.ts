import { existsSync, rmdirSync, writeFileSync, chmodSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import { canonicalJson } from '../core/digest.js';
import { effectFacts, type Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { UndoResult } from '../core/handoff.js';
import type { UndoChoice } from '../core/task.js';
import type { Tables } from '../storage/schema.js';
import type { Storage } from '../storage/storage.js';
import { writing } from '../storage/transfer/faults.js';
import { moveTree, withFolders } from '../storage/transfer/move.js';
import { Pace } from '../storage/transfer/pace.js';
import { printOf, topStamp, type Print } from '../storage/transfer/print.js';
import { bytesOf, rawOf, type Raw } from '../storage/transfer/raw.js';
import { whileClaimed } from './effect-runner.js';
import { boundary, failpointSync } from '../faults/failpoint.js';
import { AWAY, clearSlot, isBetween, placeOf, same, slotFor, stagedAt, type FileData } from './file-effect.js';
import { lookAtDestination } from './place.js';

/**
 * Takes back a file or folder: what was there before comes back, if ours still is what we put there. An attempt that runs
 * on must end first. What was staged for it goes.
 */
export async function undoFile(
  storage: Storage,
  effect: Effect,
  decided: UndoChoice | undefined,
  signal: AbortSignal,
): Promise<UndoResult> {
  return whileClaimed(storage.ledger, effect.key, signal, async () => {
    const known = (await storage.ledger.find(effect.key)) ?? effect;
    const result = await undoClaimed(storage, known, decided);
    await clearSlot(storage, effect);
    return result;
  });
}

async function undoClaimed(storage: Storage, effect: Effect, decided: UndoChoice | undefined): Promise<UndoResult> {
  const undone = (act: () => UndoResult): Promise<UndoResult> =>
    storage.ledger.undo(effect.key, async (trx: Transaction<Tables>) => {
      const result = act();
      await boundary('undo.acted', effect.step);
      await storage.manifest.takenBack(trx, effect.key, result);
      return result;
    });
  const { choice, value } = decided ?? {};
  if (choice === 'by_hand') return undone(() => 'resolved_by_hand');
  if (choice === 'keep_theirs') return undone(() => 'kept_theirs');
  const data = effect.data as FileData;
  const { destination, after, before } = data;
  const never = neverPlaced(storage, effect);
  if (never && choice === undefined)
    return undone(() => {
      removeMadeFolders(data);
      return 'nothing_to_undo';
    });
  const stamp = topStamp(destination);
  const found = await lookForUndo(storage, effect, choice);
  const isOurs = after !== undefined && same(found, after);
  const between = !found && isBetween(storage, effect, data);
  const isBefore = same(found, before);
  const nothing = never || (isBefore && !isOurs && !between);
  if (!nothing && !isOurs && !between && choice === undefined)
    throw conflict(effect, printText(after), printText(found), printText(before));
  if (choice === 'merge') checkMergeable(found, after);
  const restores = choice !== 'merge' && before && !isBefore && !nothing;
  if (restores) await checkKept(before);
  return undone(() => {
    if (nothing && choice === undefined) {
      removeMadeFolders(data);
      return 'nothing_to_undo';
    }
    if (topStamp(destination) !== stamp)
      throw conflict(effect, printText(after), 'a change made this moment', printText(before));
    const { folder, name } = placeOf(storage, destination);
    const { staging, undo, kept } = slotFor(storage, effect);
    withFolders(storage.root, [staging, folder, ...(restores ? [undo] : [])], (slot, there, keep) => {
      const at = `${there}/${rawOf(name)}`;
      const away = `${slot}/${existsSync(bytesOf(`${slot}/${AWAY}`)) ? randomUUID() : AWAY}`;
      if (choice === 'merge') {
        const mode = found?.mode ?? after?.mode ?? 0o644;
        moveTree(written(`${slot}/merged`, value, mode), at, destination);
      } else if (restores) {
        // Two files change places in one rename; a folder has to leave first.
        if (found && (found.kind === 'directory' || before.kind === 'directory')) {
          moveTree(at, away, destination);
          failpointSync('undo.after_away');
        }
        moveTree(`${keep}/${kept}`, at, destination);
      } else if (!before && found) moveTree(at, away, destination);
    });
    if (choice !== 'merge' && !before) removeMadeFolders(data);
    failpointSync('undo.after_restore');
    return choice === 'merge' ? 'merged' : choice === 'restore_before' ? 'restored_before' : 'undone';
  });
}

/** What is neither file nor folder is somebody else's: shown as such, and moved away as a whole where that is decided. */
async function lookForUndo(
  storage: Storage,
  effect: Effect,
  choice: UndoChoice['choice'] | undefined,
): Promise<Print | undefined> {
  const data = effect.data as FileData;
  try {
    return await lookAtDestination(storage, data, new Pace());
  } catch (error) {
    if (!(error instanceof HandoffError)) throw error;
    const isOther = error.code === 'ARTIFACT_NOT_A_FILE' || error.code === 'ARTIFACT_LINK_REFUSED';
    if (!isOther && error.code !== 'DESTINATION_NOT_ALLOWED') throw error;
    if (isOther && choice !== undefined) return OTHER;
    throw conflict(effect, printText(data.after), error.message, printText(data.before));
  }
}

const OTHER: Print = { kind: 'directory', sha256: '', mode: 0, size: 0, files: 0, stamp: '' };

/**
 * Never staged, or staged and not renamed: whatever is at the destination, it is not of our doing. But a folder that was
 * there may have been moved away already.
 */
function neverPlaced(storage: Storage, effect: Effect): boolean {
  const data = effect.data as FileData;
  if (data.after === undefined) return true;
  if (effect.status !== 'intended' || !existsSync(stagedAt(storage, effect))) return false;
  return !isBetween(storage, effect, data);
}

async function checkKept(before: NonNullable<FileData['before']>): Promise<void> {
  const kept = await printOf(before.copy, { known: [before] });
  if (kept?.sha256 !== before.sha256)
    throw new HandoffError('CONTENT_DAMAGED', {
      uri: before.copy,
      expected: before.sha256,
      found: kept?.sha256 ?? 'nothing',
    });
}

function checkMergeable(found: Print | undefined, after: Print | undefined): void {
  if (found?.kind !== 'directory' && after?.kind !== 'directory') return;
  throw new HandoffError('INVALID_MESSAGE', {
    message: 'resolveIncident',
    why: 'choice: a folder has no merged value; choose keep_theirs or restore_before, or mend it by hand and give no choice',
  });
}

function written(file: Raw, value: unknown, mode: number): Raw {
  writing(file, () => {
    writeFileSync(bytesOf(file), typeof value === 'string' ? value : canonicalJson(value));
    chmodSync(bytesOf(file), mode);
  });
  return file;
}

/** Folders that were made for it go with it, unless somebody else uses them by now. */
function removeMadeFolders(data: FileData): void {
  for (const folder of data.madeFolders ?? []) {
    try {
      rmdirSync(folder);
    } catch {
      return;
    }
  }
}

const printText = (p: Partial<Print> | null | undefined): string => {
  if (!p) return 'no file';
  const { kind, sha256 = '', mode = 0 } = p;
  return `${kind === 'directory' ? 'folder, tree digest' : 'sha256'} ${sha256.slice(0, 12)}… mode ${mode.toString(8)}`;
};

/** That what is to be put back is not ours any more. */
export function conflict({ key, resource }: Effect, ours: string, theirs: string, before: string): HandoffError {
  return new HandoffError('UNDO_CONFLICT', { ...effectFacts(key, resource), key, resource, ours, theirs, before });
}
