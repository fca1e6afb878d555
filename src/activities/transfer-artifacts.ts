import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SendSpec } from '../core/contract.js';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import { effectKey, fileNameFault, printable } from '../core/ids.js';
import { isOptional, type ArtifactSpec, type Party } from '../core/request.js';
import { arrivalsFolder } from '../storage/arrivals.js';
import { locateArtifact, locateIfThere, type Located } from '../storage/files.js';
import type { Arrival } from '../storage/manifest/manifest.js';
import { changed } from '../storage/transfer/faults.js';
import { Pace } from '../storage/transfer/pace.js';
import { rawOf } from '../storage/transfer/raw.js';
import { survey } from '../storage/transfer/survey.js';
import { refOf, stillOpen, type ActionContext, type Deps } from './action.js';
import { Claim } from './claim.js';
import { failpoint } from '../faults/failpoint.js';
import { clearSlot, type FileData } from './file-effect.js';
import { foldersToMake, isPlaced, keepBefore, place, type ToPlace } from './place.js';
import { stageArtifact, type Staged } from './stage.js';
import { readyToMove, type Ready } from './transfer-contract.js';
import { throwIfInterrupted } from './wrapper.js';

/** What moves from whom to whom: a handoff's artifacts, or what comes back for them. */
export interface Move {
  artifacts: readonly ArtifactSpec[];
  source: Party;
  /** They arrive in its folder below `<root>/artifacts`. */
  target: Party;
  /** What the contract says of them: they keep it, or nothing moves. */
  specs?: Record<string, SendSpec>;
  /** Whether what may be missing is left out where it is; else it is an error like any other. */
  leavesOut?: true;
  /** Artifacts that came before, and on which these may depend. */
  present?: ReadonlySet<string>;
}

interface Item {
  spec: ArtifactSpec;
  source: Located;
  destination: string;
}

/** How long the event loop may stand still between two artifacts. */
const TURN_MS = 20;

/** Ends an attempt that goes on later. */
class SliceOver extends Error {}

/**
 * Puts artifacts in their target's folder: all of them, or none. `{ goesOn: true, bytesDone }`: it is to be called again,
 * and goes on there. Throws what a source or a destination is not fit for.
 */
export async function transferArtifacts(
  context: ActionContext,
  deps: Deps,
  move: Move,
): Promise<Record<string, unknown>> {
  const { storage } = context;
  const folder = arrivalsFolder(storage, move.target);
  for (const { name } of move.artifacts) checkName(name);
  const ready = await readyToMove(context, deps, move);
  const located = await Promise.all(
    move.artifacts.map(async (spec) => {
      const source = await sourceOf(context, spec, move);
      return source && { spec, source, destination: path.join(folder, spec.name) };
    }),
  );
  const items = located.filter((item): item is Item => item !== undefined);
  await failpoint('transfer.before_intent');
  const effects = await storage.ledger.intend(
    refOf(context.task),
    items.map(({ spec, source, destination }) => ({
      effect: spec.name,
      kind: 'file',
      resource: `file:${destination}`,
      data: { destination, artifact: spec.name, source: source.path } satisfies FileData,
    })),
    stillOpen(deps),
  );
  await failpoint('transfer.after_intent');
  const byName = new Map(effects.map((e) => [e.effect, e]));
  return new Transfer(context, move, ready).run(items.map((item) => ({ item, effect: byName.get(item.spec.name)! })));
}

/**
 * Where an artifact comes from; undefined for one that may be missing and is. What has arrived needs its source no more: an
 * attempt that was killed before its answer ends well all the same. What was begun and has not arrived does.
 */
async function sourceOf(
  { task, storage }: ActionContext,
  spec: ArtifactSpec,
  move: Move,
): Promise<Located | undefined> {
  const there = await locateIfThere(spec, storage.sources);
  if (there) return there;
  const { handoff, step, epoch } = refOf(task);
  const row = await storage.ledger.find(effectKey(handoff, step, epoch, spec.name));
  if (row?.status === 'applied') return { path: (row.data as FileData).source, kind: 'file', roots: [] };
  if (!row && move.leavesOut && isOptional(move.specs, spec.name)) return undefined;
  // Says what is wrong with it.
  return locateArtifact(spec, storage.sources);
}

/** A request's names were checked when it came; this holds for whoever else calls. */
function checkName(name: string): void {
  const why = fileNameFault(name, 'an artifact name');
  if (why) throw new HandoffError('INVALID_ID', { what: 'Artifact', id: printable(name), why });
}

/** One attempt at a move. */
class Transfer {
  private readonly pace = new Pace(() => this.rest());
  private claim: Claim | undefined;
  private artifact = '';
  private turned = performance.now();
  private total = 0;
  private copied = 0;
  private resumed = 0;

  constructor(
    private readonly context: ActionContext,
    private readonly move: Move,
    private readonly ready: Ready,
  ) {}

  async run(items: readonly { item: Item; effect: Effect }[]): Promise<Record<string, unknown>> {
    const { task, storage, signal } = this.context;
    const left = items.filter((i) => i.effect.status !== 'applied');
    // Killed right behind its record, an attempt leaves a journal.
    for (const { effect } of items) if (effect.status === 'applied') await clearSlot(storage, effect);
    try {
      this.claim = await Claim.take(
        storage,
        refOf(task),
        left.map((i) => i.effect.key),
        () => {
          throwIfInterrupted(signal);
          if (Date.now() > this.context.stopBy) throw new SliceOver();
        },
      );
      await this.measure(left.map((i) => i.item));
      // All are staged and checked before the first becomes visible.
      const staged: ToPlace[] = [];
      for (const { item, effect: known } of left) {
        await this.turn();
        // Another attempt may have gone further while we waited for it.
        const effect = (await storage.ledger.find(known.key)) ?? known;
        if (effect.status === 'applied') continue;
        staged.push(await this.prepare(item, effect));
      }
      await failpoint('transfer.after_stage');
      for (const [placed, one] of staged.entries()) {
        await this.turn();
        throwIfInterrupted(signal);
        if (placed > 0 && Date.now() > this.context.stopBy) throw new SliceOver();
        await this.claim.holds(one.effect.key);
        await place(one, this.context, this.pace);
        this.claim.applied();
        await clearSlot(storage, one.effect);
      }
      return await this.facts(items.map((i) => i.effect.key));
    } catch (error) {
      if (error instanceof SliceOver) return { goesOn: true, bytesDone: this.pace.done.bytes };
      throw error;
    } finally {
      await this.claim?.release();
    }
  }

  /** Between artifacts: a thousand small ones, each of which is quick, are heard to go on like a large one. */
  private async turn(): Promise<void> {
    if (performance.now() - this.turned < TURN_MS) return;
    await this.claim?.renew();
    this.beat();
    await nextTurn();
    this.turned = performance.now();
  }

  private beat(): void {
    const { bytes, files } = this.pace.done;
    this.context.progress({ artifact: this.artifact, bytesDone: bytes, bytesTotal: this.total, filesDone: files });
  }

  /** Asked between slices, some fifty times a second. */
  private async rest(): Promise<void> {
    if (this.pace.fresh) await failpoint('transfer.in_copy');
    const { signal, stopBy } = this.context;
    throwIfInterrupted(signal);
    await this.claim?.renew();
    this.beat();
    // One that has to find its way back first still gets something done.
    if (Date.now() > stopBy && this.pace.progressed) throw new SliceOver();
  }

  private async measure(items: readonly Item[]): Promise<void> {
    const pace = new Pace(() => throwIfInterrupted(this.context.signal));
    for (const { spec, source } of items) this.total += (await survey(spec.name, rawOf(source.path), pace)).size;
  }

  private async prepare({ spec, source }: Item, effect: Effect): Promise<ToPlace> {
    const { storage } = this.context;
    this.artifact = spec.name;
    const known = effect.data as FileData;
    if (await isPlaced(storage, effect, this.pace)) return this.toPlace(spec, effect, known);
    const made = await this.ready.make(spec);
    const sha256 = this.ready.sha256Of(spec);
    const staged = await stageArtifact(
      storage,
      effect,
      {
        artifact: spec.name,
        source,
        ...(made ? { content: made.bytes } : {}),
        ...(sha256 ? { sha256 } : {}),
      },
      this.pace,
    );
    // What a transformer made is of the source as it was then.
    if (made && made.originalSha256 !== staged.originalSha256) throw changed(spec.name, 'it was written meanwhile');
    this.ready.check(spec, staged.originalSha256);
    this.copied += staged.copied;
    this.resumed += staged.resumed;
    return this.toPlace(spec, effect, await this.onRecord(spec, effect, staged));
  }

  /** What undo needs stands in the ledger before anything can be seen. */
  private async onRecord(spec: ArtifactSpec, effect: Effect, staged: Staged): Promise<FileData> {
    const { print, originalSha256, originalSize, listing } = staged;
    const { storage } = this.context;
    const known = effect.data as FileData;
    // What was there before is looked at once: after a crash the destination may already hold ours.
    const before = known.before === undefined ? await keepBefore(storage, effect, print.kind, this.pace) : known.before;
    const found: FileData = {
      ...known,
      ...this.ready.about(spec),
      after: print,
      originalSha256,
      ...(originalSize === undefined ? {} : { originalSize }),
      ...(listing === undefined ? {} : { listing: await storage.blobs.put(listing, 'application/x-ndjson') }),
      before,
      madeFolders: known.madeFolders ?? foldersToMake(storage.root, known.destination),
    };
    return storage.ledger.amend(effect.key, found, ['before', 'madeFolders']);
  }

  private toPlace(spec: ArtifactSpec, effect: Effect, data: FileData): ToPlace {
    const { manifest } = this.context.storage;
    const { kind, sha256, mode, size, files } = data.after!;
    const { subject } = this.context.task;
    const arrival: Arrival = {
      key: effect.key,
      handoff: subject.handoffId,
      session: subject.session,
      name: spec.name,
      kind,
      source: this.move.source,
      target: this.move.target,
      originalPath: data.source,
      originalSha256: data.originalSha256 ?? sha256,
      ...(data.originalSize === undefined ? {} : { originalSize: data.originalSize }),
      path: data.destination,
      sha256,
      ...(kind === 'file' ? { mode } : {}),
      size,
      files,
      ...(data.listing ? { listing: data.listing } : {}),
      ...this.ready.about(spec),
    };
    return { effect, data, register: (trx) => manifest.arrived(trx, arrival) };
  }

  private async facts(keys: readonly string[]): Promise<Record<string, unknown>> {
    const rows = await this.context.storage.ledger.findKeys(keys);
    const bytes = rows.reduce((sum, r) => sum + Number(r.result?.['size'] ?? 0), 0);
    return {
      artifacts: keys.length,
      bytes,
      ...(this.resumed > 0 ? { copied: this.copied, resumed: this.resumed } : {}),
    };
  }
}
