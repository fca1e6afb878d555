import { existsSync, realpathSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import path from 'node:path';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { ContentRef } from '../core/request.js';
import { folderBelow, partsBelow } from '../storage/transfer/anchor.js';
import { slotOf } from '../storage/transfer/listing.js';
import type { Print } from '../storage/transfer/print.js';
import { rawOf } from '../storage/transfer/raw.js';
import { removeTree } from '../storage/transfer/remove.js';
import type { Storage } from '../storage/storage.js';

/** What the undo of a file or folder needs: ours and what was there before. All paths are absolute. */
export interface FileData extends Record<string, unknown> {
  destination: string;
  artifact: string;
  source: string;
  /** Absent until staged: then nothing can have happened. */
  after?: Print;
  /** Of the source: another one where a transformer made what arrives. */
  originalSha256?: string;
  /** Bytes of the source, where a transformer made what arrives. */
  originalSize?: number;
  /** What a folder holds, as the manifest keeps it. */
  listing?: ContentRef;
  /** `copy` is where what was there before is kept; a folder only from the moment at which ours takes its place. */
  before?: (Omit<Print, 'files'> & { copy: string }) | null;
  /** Folders that were made for it, innermost first. */
  madeFolders?: string[];
}

/** Where an effect's files stand while it is neither applied nor undone: the same for each attempt. Parts below the root. */
export interface Slot {
  staging: string[];
  undo: string[];
  /** The name of what was there before, in the undo folder. */
  kept: string;
}

export function slotFor(storage: Storage, effect: Pick<Effect, 'key' | 'handoff'>): Slot {
  const kept = slotOf(effect.key);
  return {
    staging: [...partsBelow(storage.root, storage.stagingFolder), effect.handoff, kept],
    undo: [...partsBelow(storage.root, storage.undoFolder), effect.handoff],
    kept,
  };
}

/** Removes what was staged for an effect. */
export async function clearSlot(storage: Storage, effect: Pick<Effect, 'key' | 'handoff'>): Promise<void> {
  const { staging } = slotFor(storage, effect);
  const handoff = folderBelow(storage.root, staging.slice(0, -1), false);
  if (!handoff) return;
  try {
    removeTree(`${handoff.at}/${rawOf(staging.at(-1)!)}`);
  } finally {
    handoff.close();
  }
  // Another effect of the handoff may still be staged beside it.
  await rmdir(path.join(storage.stagingFolder, effect.handoff)).catch(() => undefined);
}

/** Whether two prints show the same content, modes and links. Nothing is only the same as nothing. */
export const same = (a: Partial<Print> | null | undefined, b: Partial<Print> | null | undefined): boolean =>
  a && b ? kindOf(a) === kindOf(b) && a.sha256 === b.sha256 && a.mode === b.mode : !a && !b;

const kindOf = (p: Partial<Print>): string => p.kind ?? 'file';

/**
 * Whether what was there before was moved away, not copied: a file and a file change places in one rename, anything else
 * takes two.
 */
export const movesAway = ({ before, after }: FileData): boolean =>
  Boolean(before && after && (kindOf(before) === 'directory' || kindOf(after) === 'directory'));

/** The name of what is staged in its slot; the journals lie beside it. */
export const ITEM = 'it';
/** The name of what an undo has moved there, until it is removed. */
export const AWAY = 'away';

type Of = Pick<Effect, 'key' | 'handoff' | 'status'>;

/** The real path of something in an effect's slot. */
const inSlot = (storage: Storage, effect: Of, name: string): string =>
  path.join(realpathSync(storage.root), ...slotFor(storage, effect).staging, name);

export const stagedAt = (storage: Storage, effect: Of): string => inSlot(storage, effect, ITEM);

/** Whether a kill struck between those two renames, of the transfer or of its undo: then nothing is at the destination. */
export function isBetween(storage: Storage, effect: Of, data: FileData): boolean {
  if (!movesAway(data) || !existsSync(data.before!.copy)) return false;
  return (
    (effect.status === 'intended' && existsSync(stagedAt(storage, effect))) || existsSync(inSlot(storage, effect, AWAY))
  );
}

/** The folder of a destination, as parts below the root, and the name in it. Throws DESTINATION_NOT_ALLOWED for one elsewhere. */
export function placeOf(storage: Storage, destination: string): { folder: string[]; name: string } {
  const folder = partsBelow(storage.root, path.dirname(destination));
  if (folder[0] === '..') throw new HandoffError('DESTINATION_NOT_ALLOWED', { path: destination, root: storage.root });
  return { folder, name: path.basename(destination) };
}
