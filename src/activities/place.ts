import { closeSync, constants, copyFileSync, existsSync, fchmodSync, fstatSync, linkSync, openSync } from 'node:fs';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import type { Transaction } from 'kysely';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { Tables } from '../storage/schema.js';
import type { Storage } from '../storage/storage.js';
import { folderBelow, pathOfOpen, READ } from '../storage/transfer/anchor.js';
import { changed, writing } from '../storage/transfer/faults.js';
import { Journal } from '../storage/transfer/journal.js';
import { modeOf } from '../storage/transfer/listing.js';
import { moveTree, withFolders } from '../storage/transfer/move.js';
import type { Pace } from '../storage/transfer/pace.js';
import { printOf, topStamp, type Print } from '../storage/transfer/print.js';
import { bytesOf, rawOf, type Raw } from '../storage/transfer/raw.js';
import { removeTree } from '../storage/transfer/remove.js';
import { survey } from '../storage/transfer/survey.js';
import { refOf, type ActionContext } from './action.js';
import { boundary, failpoint, failpointSync } from '../faults/failpoint.js';
import { ITEM, isBetween, movesAway, placeOf, same, slotFor, stagedAt, type FileData } from './file-effect.js';

/** What is at a destination, and that its folder is one of its own. Throws DESTINATION_NOT_ALLOWED, ARTIFACT_NOT_A_FILE. */
export async function lookAtDestination(
  storage: Storage,
  data: FileData,
  pace: Pace,
  journal?: () => Journal,
): Promise<Print | undefined> {
  const { destination, before, after } = data;
  folderBelow(storage.root, placeOf(storage, destination).folder, false)?.close();
  return printOf(destination, { pace, known: [after, before], ...(journal ? { journal } : {}) });
}

/**
 * What is at a destination before ours comes, and where it is kept for the undo. A file stays where it is and gets a
 * second name; a folder moves there when ours takes its place.
 */
export async function keepBefore(
  storage: Storage,
  effect: Effect,
  kind: Print['kind'],
  pace: Pace,
): Promise<FileData['before']> {
  const data = effect.data as FileData;
  const { staging, undo, kept } = slotFor(storage, effect);
  const journal = (): Journal =>
    Journal.open(rawOf(path.join(realpathSync(storage.root), ...staging, 'before')), data.destination, false);
  const found = await lookAtDestination(storage, data, pace, journal);
  if (!found) return null;
  const { files: _, ...print } = found;
  const copy = path.join(storage.undoFolder, effect.handoff, kept);
  const { folder, name } = placeOf(storage, data.destination);
  withFolders(storage.root, [undo, folder], (keep, there) => {
    const to = `${keep}/${kept}`;
    removeTree(to);
    if (found.kind === 'file' && kind === 'file') keepFile(data.artifact, `${there}/${rawOf(name)}`, to, copy);
  });
  if (found.kind === 'file' && kind === 'file') {
    const second = await printOf(copy, { pace, known: [found] });
    if (!same(second, found)) throw changed(data.artifact, `${data.destination} was written meanwhile`);
  }
  return { ...print, copy };
}

function keepFile(artifact: string, from: Raw, to: Raw, shown: string): void {
  try {
    return linkSync(bytesOf(from), bytesOf(to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw changed(artifact, 'its destination vanished');
  }
  // No second names on this file system, or not for a file of somebody else.
  writing(shown, () => {
    const fd = openSync(bytesOf(from), READ);
    try {
      copyFileSync(bytesOf(pathOfOpen(fd, from)), bytesOf(to), constants.COPYFILE_FICLONE);
      const mode = modeOf(fstatSync(fd, { bigint: true }));
      const copy = openSync(bytesOf(to), READ);
      fchmodSync(copy, mode);
      closeSync(copy);
    } finally {
      closeSync(fd);
    }
  });
}

/** The folders between the root and a destination that are not there yet, innermost first. */
export function foldersToMake(root: string, destination: string): string[] {
  const made: string[] = [];
  for (let d = path.dirname(destination); d.startsWith(root + path.sep) && !existsSync(d); d = path.dirname(d))
    made.push(d);
  return made;
}

export interface ToPlace {
  effect: Effect;
  data: FileData;
  /** Its record, within the transaction. */
  register: (trx: Transaction<Tables>) => Promise<void>;
}

/**
 * Makes one staged artifact visible, in the transaction that records it. Throws DESTINATION_CHANGED where somebody else
 * has written there since it was looked at.
 */
export async function place(to: ToPlace, { task, storage }: ActionContext, pace: Pace): Promise<void> {
  const { effect, data, register } = to;
  const { destination, before, after, artifact } = data;
  const stamp = topStamp(destination);
  const found = await lookAtDestination(storage, data, pace);
  const isOurs = same(found, after);
  const isFree = same(found, before) || (!found && isBetween(storage, effect, data));
  const taken = (): HandoffError =>
    new HandoffError('DESTINATION_CHANGED', { resource: `file:${destination}`, handoff: task.subject.handoffId });
  if (!isFree && !isOurs) throw taken();
  // Ours already: an earlier attempt was killed between the rename and its record. Where the same was there before, ours
  // takes its place all the same: what is kept for the undo must not be the file that others go on to write.
  const isPut = isOurs && !(isFree && existsSync(stagedAt(storage, effect)));
  if (!isPut && (await survey(artifact, rawOf(stagedAt(storage, effect)), pace)).stamp !== after!.stamp)
    throw changed(artifact, 'what was staged of it is not what was written there');
  const { folder, name } = placeOf(storage, destination);
  const { staging, undo, kept } = slotFor(storage, effect);
  await storage.ledger.apply(refOf(task), effect.key, async (trx) => {
    await register(trx);
    if (topStamp(destination) !== stamp) throw taken();
    const keeps = found && movesAway(data);
    if (!isPut)
      withFolders(storage.root, [staging, folder, ...(keeps ? [undo] : [])], (from, there, keep) => {
        const at = `${there}/${rawOf(name)}`;
        if (keeps) {
          moveTree(at, `${keep}/${kept}`, before!.copy);
          failpointSync('transfer.after_keep');
        }
        failpointSync('transfer.before_rename');
        moveTree(`${from}/${ITEM}`, at, destination);
        failpointSync('transfer.after_rename');
      });
    await boundary('step.acted', task.step);
    const { kind, sha256, size, files } = after!;
    return { sha256, size, ...(kind === 'directory' ? { kind, files } : {}) };
  });
  await failpoint('transfer.after_apply');
}

/** Whether an earlier attempt had put it in place when it was killed, whatever its source holds by now. */
export async function isPlaced(storage: Storage, effect: Effect, pace: Pace): Promise<boolean> {
  const data = effect.data as FileData;
  if (!data.after || data.before === undefined || same(data.before, data.after)) return false;
  // Nothing was renamed while it is still staged.
  if (existsSync(stagedAt(storage, effect))) return false;
  return same(await lookAtDestination(storage, data, pace), data.after);
}
