import { existsSync } from 'node:fs';
import path from 'node:path';
import { artifactSeq, type TransferRecord } from '../../core/manifest.js';
import type { Difference, Verification } from '../../core/verification.js';
import { digestAt, treeEntries, type FoundAt, type TreeEntry } from './digest-at.js';
import { realPlace, transferOf, transferRows, type TransferRow } from './reader.js';
import type { Storage } from '../storage.js';

/** What to look at: the transfers of these handoffs and artifacts; absent: all there are. */
export interface VerifyScope {
  handoffs: readonly string[];
  artifacts: readonly string[];
}

export interface VerifyOptions {
  /** Called before a place is read: how many were, of how many transfers, and how many bytes so far. */
  onProgress?: (progress: { done: number; of: number; bytes: number; path: string }) => void;
}

/** Rows that are read at once. */
const PAGE = 200;

/**
 * Hashes what is on disk anew, a place at a time, and names each difference to the manifest: of transfers that were not
 * undone and whose place no later one took over. Also each transfer of which the effects ledger says something else.
 */
export async function verifyTransfers(
  storage: Storage,
  scope: VerifyScope | undefined,
  { onProgress }: VerifyOptions = {},
): Promise<Verification> {
  const found: Verification = { ok: true, checked: 0, bytes: 0, undone: 0, takenOver: 0, differences: [] };
  const { count } = await inScope(storage, scope)
    .clearSelect()
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  let done = 0;
  for (let after = 0; ;) {
    const page = await inScope(storage, scope).where('t.seq', '>', after).orderBy('t.seq').limit(PAGE).execute();
    for (const row of page) {
      const transfer = transferOf(row);
      onProgress?.({ done: done++, of: Number(count), bytes: found.bytes, path: transfer.path });
      found.differences.push(...againstLedger(row, transfer));
      if (transfer.status === 'undone') found.undone++;
      else if (transfer.takenOverBy !== undefined) found.takenOver++;
      else {
        const { bytes, differences } = await againstDisk(storage, transfer);
        found.checked++;
        found.bytes += bytes;
        // What a handoff undoes or overwrites while we read is no difference.
        if (differences.length === 0 || (await stands(storage, transfer))) found.differences.push(...differences);
      }
    }
    if (page.length < PAGE) break;
    after = page.at(-1)!.seq;
  }
  found.differences.push(...(await unknownToManifest(storage, scope)));
  return { ...found, ok: found.differences.length === 0 };
}

/** Transfers, each with what the ledger has of it. */
const inScope = ({ db }: Storage, scope: VerifyScope | undefined) =>
  transferRows(db)
    .leftJoin('effects as e', 'e.key', 't.key')
    .select(['e.status as effect_status', 'e.result as effect_result', 'e.resource as effect_resource'])
    .$if(scope !== undefined, (q) =>
      q.where((e) =>
        e.or([
          e('t.handoff', 'in', orNone(scope!.handoffs, '')),
          e(
            't.artifact',
            'in',
            orNone(
              scope!.artifacts.map((id) => artifactSeq(id) ?? 0),
              0,
            ),
          ),
        ]),
      ),
    );

/** SQL has no empty list. */
const orNone = <T>(values: readonly T[], none: T): T[] => (values.length > 0 ? [...values] : [none]);

async function stands({ manifest }: Storage, { key }: TransferRecord): Promise<boolean> {
  const now = await manifest.transfer(key);
  return now?.status === 'success' && now.takenOverBy === undefined;
}

type LedgerRow = TransferRow & {
  effect_status: string | null;
  effect_result: string | null;
  effect_resource: string | null;
};

const about = (t: TransferRecord): Pick<Difference, 'artifact' | 'name' | 'handoff' | 'path'> => ({
  artifact: t.artifact,
  name: t.name,
  handoff: t.handoff,
  path: t.path,
});

function againstLedger(row: LedgerRow, t: TransferRecord): Difference[] {
  const differs = (expected: string, found: string): Difference[] => [
    { kind: 'ledger', ...about(t), expected, found: `${found} in the ledger` },
  ];
  const { effect_status: status, effect_result: result, effect_resource: resource } = row;
  if (status === null) return differs(t.status, 'no such effect');
  if (status !== (t.status === 'success' ? 'applied' : 'undone')) return differs(t.status, status);
  const { sha256 } = JSON.parse(result ?? '{}') as { sha256?: string };
  if (sha256 !== undefined && sha256 !== t.sha256) return differs(`sha256 ${t.sha256}`, `sha256 ${sha256}`);
  const place = resource?.slice(resource.indexOf(':') + 1) ?? t.path;
  // Two ways to a folder are seen to be one only where it is there.
  const same = place === t.path || realPlace(place) === t.path || !existsSync(path.dirname(place));
  return same ? [] : differs(t.path, place);
}

async function againstDisk(storage: Storage, t: TransferRecord): Promise<{ bytes: number; differences: Difference[] }> {
  const differs = (difference: Omit<Difference, keyof ReturnType<typeof about>>): Difference[] => [
    { ...about(t), ...difference },
  ];
  const listed = t.listing && new Map<string, TreeEntry>();
  const inside: Difference[] = [];
  try {
    if (t.listing) {
      const listing = (await storage.blobs.get(t.listing)).toString('utf8');
      for (const entry of treeEntries(listing)) listed!.set(entry.path, entry);
    }
    const there = await digestAt(t.path, (entry) => {
      if (!listed) return;
      inside.push(...entryDiffers(listed.get(entry.path), entry).flatMap(differs));
      listed.delete(entry.path);
    });
    if (there === 'missing') return { bytes: 0, differences: differs({ kind: 'missing' }) };
    if (there === 'other')
      return { bytes: 0, differences: differs({ kind: 'other_kind', found: 'neither a file nor a directory' }) };
    for (const { path, type } of listed?.values() ?? [])
      inside.push(...differs({ kind: 'entry_missing', entry: path, expected: type }));
    return { bytes: there.size, differences: [...whole(t, there, inside.length > 0).flatMap(differs), ...inside] };
  } catch (error) {
    return { bytes: 0, differences: differs({ kind: 'unreadable', found: (error as Error).message }) };
  }
}

/** What of a directory can be named inside it is not told of the whole as well. */
function whole(t: TransferRecord, there: FoundAt, named: boolean): Omit<Difference, 'name' | 'handoff' | 'path'>[] {
  if (there.sha256 !== t.sha256)
    return named ? [] : [{ kind: 'changed', expected: `sha256 ${t.sha256}`, found: `sha256 ${there.sha256}` }];
  if (t.mode === undefined || t.mode === there.mode) return [];
  return [{ kind: 'mode_changed', expected: octal(t.mode), found: octal(there.mode) }];
}

const octal = (mode: number): string => `mode ${mode.toString(8)}`;
const isText = (e: TreeEntry): string => [e.type, ...(e.is ? [e.is] : [])].join(' ');

function entryDiffers(was: TreeEntry | undefined, is: TreeEntry): Omit<Difference, 'name' | 'handoff' | 'path'>[] {
  const entry = is.path;
  if (!was) return [{ kind: 'entry_extra', entry, found: is.type }];
  if (isText(was) !== isText(is)) return [{ kind: 'entry_changed', entry, expected: isText(was), found: isText(is) }];
  if (was.mode === is.mode) return [];
  return [{ kind: 'entry_mode_changed', entry, expected: octal(was.mode), found: octal(is.mode) }];
}

/** What the ledger says has arrived, and the manifest does not have. */
async function unknownToManifest({ db }: Storage, scope: VerifyScope | undefined): Promise<Difference[]> {
  const rows = await db
    .selectFrom('effects as e')
    .leftJoin('transfers as t', 't.key', 'e.key')
    .select(['e.handoff', 'e.effect', 'e.resource'])
    .where('e.status', '=', 'applied')
    .where('e.kind', '=', 'file')
    .where('t.key', 'is', null)
    .$if(scope !== undefined, (q) => q.where('e.handoff', 'in', orNone(scope!.handoffs, '')))
    .orderBy('e.seq')
    .execute();
  return rows.map((r) => ({
    kind: 'ledger' as const,
    name: r.effect,
    handoff: r.handoff,
    path: r.resource.slice(r.resource.indexOf(':') + 1),
    expected: 'not in the manifest',
    found: 'applied in the ledger',
  }));
}
