import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { lstat, mkdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { digestOf } from '../core/digest.js';
import type { SendSpec } from '../core/contract.js';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import { arrivalFolder, partyText, type ArtifactSpec, type Party } from '../core/request.js';
import { copyHashed, fingerprint, keepCopy, locateSource, stampAt } from '../storage/files.js';
import type { Storage } from '../storage/storage.js';
import { refOf, stillOpen, type Action, type ActionContext, type Deps } from './action.js';
import { readyToMove, type MadeFacts, type Ready } from './transfer-contract.js';
import { failpoint, failpointSync } from './failpoint.js';
import { throwIfInterrupted } from './wrapper.js';

/** What the undo of a file needs: ours and what was there before. Relative to nothing: all paths are absolute. */
export interface FileData extends MadeFacts {
  destination: string;
  artifact: string;
  source: string;
  /** Absent until staged: then nothing can have happened. */
  after?: { sha256: string; mode: number; size: number };
  /** `copy` is where what was there before is kept. */
  before?: { sha256: string; mode: number; copy: string } | null;
  /** Folders that were made for it, innermost first. */
  madeFolders?: string[];
}

/**
 * Puts what is handed over in the target's place: `with.what` names `artifacts` (files, below
 * `<root>/artifacts/phase_<N>/` or `agent_<name>/`) and `context` (the package's content, as a delivery).
 */
export const transferAction = (deps: Deps): Action => ({
  name: 'transfer',
  interruptible: true,
  async run(context) {
    const what = context.task.with['what'];
    const wanted = Array.isArray(what) ? what : ['artifacts'];
    const facts: Record<string, unknown> = {};
    if (wanted.includes('context')) Object.assign(facts, await deliver(context, deps));
    if (wanted.includes('artifacts')) {
      const { source, target } = context.task.subject;
      Object.assign(
        facts,
        await transferArtifacts(context, deps, {
          artifacts: context.content.artifacts,
          source,
          target,
          specs: context.content.contract?.sends,
        }),
      );
    }
    return facts;
  },
});

/** What moves from whom to whom: a handoff's artifacts, or what comes back for them. */
export interface Move {
  artifacts: readonly ArtifactSpec[];
  source: Party;
  /** They arrive in its folder below `<root>/artifacts`. */
  target: Party;
  /** What the contract says of them: they keep it, or nothing moves. */
  specs?: Record<string, SendSpec>;
}

async function deliver({ task, content, storage }: ActionContext, deps: Deps): Promise<Record<string, unknown>> {
  const { subject } = task;
  const { artifacts, ...rest } = content;
  const delivered = { ...rest, artifacts: artifacts.map((a) => a.name) };
  const digest = digestOf(delivered);
  const resource = `delivery:${subject.handoffId}`;
  const row = {
    handoff: subject.handoffId,
    session: subject.session,
    target: partyText(subject.target),
    content: JSON.stringify(delivered),
    digest,
    delivered_at: Date.now(),
  };
  await failpoint('transfer.before_delivery');
  await storage.ledger.intendAndApply(
    refOf(task),
    (trx) =>
      Promise.resolve([
        {
          effect: 'context',
          kind: 'delivery' as const,
          resource,
          data: { digest },
          act: async () => {
            const { handoff: _, ...update } = row;
            await trx
              .insertInto('deliveries')
              .values(row)
              .onConflict((c) => c.column('handoff').doUpdateSet(update))
              .execute();
            failpointSync('transfer.in_delivery');
            return { digest };
          },
        },
      ]),
    stillOpen(deps),
    [resource],
  );
  await failpoint('transfer.after_delivery');
  return { contextKeys: Object.keys(content.context).length, contextDigest: digest };
}

/** Puts artifacts in their target's folder: all of them, or none. Throws what a source or a destination is not fit for. */
export async function transferArtifacts(
  context: ActionContext,
  deps: Deps,
  move: Move,
): Promise<Record<string, unknown>> {
  const staging = path.join(context.storage.stagingFolder, context.task.subject.handoffId, randomUUID());
  try {
    return await transferBy(staging, context, deps, move);
  } finally {
    await rm(staging, { recursive: true, force: true });
    // Another attempt may still be staging beside this one.
    await rmdir(path.dirname(staging)).catch(() => undefined);
  }
}

async function transferBy(
  staging: string,
  context: ActionContext,
  deps: Deps,
  move: Move,
): Promise<Record<string, unknown>> {
  const { task, storage, signal } = context;
  const ref = refOf(task);
  const folder = path.join(storage.root, 'artifacts', arrivalFolder(move.target));
  const ready = await readyToMove(context, deps, move, staging);
  const files = await Promise.all(
    move.artifacts.map(async (spec) => ({
      spec,
      source: await locateSource(spec, storage.sources),
      destination: path.join(folder, spec.name),
    })),
  );
  await failpoint('transfer.before_intent');
  const effects = await storage.ledger.intend(
    ref,
    files.map((f) => ({
      effect: f.spec.name,
      kind: 'file',
      resource: `file:${f.destination}`,
      data: { destination: f.destination, artifact: f.spec.name, source: f.source } satisfies FileData,
    })),
    stillOpen(deps),
  );
  await failpoint('transfer.after_intent');
  const byName = new Map(effects.map((e) => [e.effect, e]));
  // All are staged and checked before the first becomes visible.
  const staged = [];
  for (const f of files) {
    throwIfInterrupted(signal);
    const effect = byName.get(f.spec.name)!;
    if (effect.status === 'applied' || (await finishPlaced(effect, context))) continue;
    staged.push({ effect, ...(await stage(f.spec, f.source, staging, effect, context, ready)) });
  }
  await failpoint('transfer.after_stage');
  for (const s of staged) {
    throwIfInterrupted(signal);
    await place(s.effect.key, s.file, s.data, context);
  }
  const rows = await storage.ledger.findMany(
    ref,
    files.map((f) => ({ effect: f.spec.name, kind: 'file', resource: '', data: {} })),
  );
  const bytes = rows.reduce((sum, r) => sum + Number(r.result?.['size'] ?? 0), 0);
  return { artifacts: files.length, bytes };
}

/** Records a file that an earlier attempt had put in place when it was killed, whatever its source holds by now. */
async function finishPlaced(effect: Effect, context: ActionContext): Promise<boolean> {
  const data = effect.data as FileData;
  if (!data.after || data.before === undefined) return false;
  const found = await fingerprint(data.destination);
  const isOurs = found?.sha256 === data.after.sha256 && found.mode === data.after.mode;
  const wasOurs = data.before?.sha256 === data.after.sha256 && data.before.mode === data.after.mode;
  if (!isOurs || wasOurs) return false;
  await place(effect.key, '', data, context);
  return true;
}

async function stage(
  spec: ArtifactSpec,
  source: string,
  staging: string,
  effect: Effect,
  { storage, signal, task }: ActionContext,
  ready: Ready,
): Promise<{ file: string; data: FileData }> {
  await mkdir(staging, { recursive: true });
  const file = path.join(staging, spec.name);
  const after = await copyHashed(spec.name, ready.fileOf(spec.name, source), file, {
    sync: storage.durability === 'power',
    onChunk: () => throwIfInterrupted(signal),
  });
  await failpoint('transfer.after_copy');
  ready.check(spec, after.sha256);
  const known = effect.data as FileData;
  // What was there before is looked at once: after a crash the destination may already hold ours.
  const before =
    known.before === undefined ? await keepBefore(storage, task.subject.handoffId, known.destination) : known.before;
  const found: FileData = {
    ...known,
    ...ready.facts(spec.name),
    after,
    before,
    madeFolders: known.madeFolders ?? foldersToMake(storage.root, known.destination),
  };
  const data = await storage.ledger.amend(effect.key, found, ['before', 'madeFolders']);
  return { file, data };
}

async function keepBefore(storage: Storage, handoff: string, destination: string): Promise<FileData['before']> {
  const there = await lstat(destination).catch(() => undefined);
  if (!there) return null;
  // A folder or a link in its place could not be put back exactly.
  if (!there.isFile())
    throw new HandoffError('ARTIFACT_NOT_A_FILE', { artifact: path.basename(destination), path: destination });
  const found = await fingerprint(destination);
  if (!found) return null;
  const copy = path.join(storage.undoFolder, handoff, randomUUID());
  await mkdir(path.dirname(copy), { recursive: true });
  await keepCopy(destination, copy);
  return { sha256: found.sha256, mode: found.mode, copy };
}

/** The folders between the root and a destination that are not there yet, innermost first. */
function foldersToMake(root: string, destination: string): string[] {
  const made: string[] = [];
  for (
    let d = path.dirname(destination);
    d.startsWith(root + path.sep) && stampAt(d) === undefined;
    d = path.dirname(d)
  )
    made.push(d);
  return made;
}

/** Makes one staged file visible, in the transaction that records it. */
async function place(key: string, file: string, data: FileData, { task, storage }: ActionContext): Promise<void> {
  const { destination, before, after, transformer, originalSha256 } = data;
  const found = await fingerprint(destination);
  const changed = (): HandoffError =>
    new HandoffError('DESTINATION_CHANGED', { resource: `file:${destination}`, handoff: task.subject.handoffId });
  const isBefore = before ? found?.sha256 === before.sha256 && found.mode === before.mode : found === undefined;
  const isOurs = found?.sha256 === after!.sha256 && found.mode === after!.mode;
  if (!isBefore && !isOurs) throw changed();
  await storage.ledger.apply(refOf(task), key, () => {
    if (stampAt(destination) !== found?.stamp) throw changed();
    // Ours already: an earlier attempt was killed between the rename and its record.
    if (!isOurs) {
      mkdirSync(path.dirname(destination), { recursive: true });
      failpointSync('transfer.before_rename');
      renameSync(file, destination);
      failpointSync('transfer.after_rename');
    }
    return {
      sha256: after!.sha256,
      size: after!.size,
      ...(transformer ? { transformer, originalSha256 } : {}),
    };
  });
  await failpoint('transfer.after_apply');
}
