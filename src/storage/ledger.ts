import type { Insertable, Selectable, Transaction } from 'kysely';
import type { Effect, EffectKind } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import type { UndoResult } from '../core/handoff.js';
import { effectKey } from '../core/ids.js';
import type { Db, Queries } from './database.js';
import type { Tables } from './schema.js';
import type { EffectTable } from './tables/handoffs.js';
import { currentStep, staleEpoch, type StepRef } from './steps.js';

export interface Intent {
  effect: string;
  kind: EffectKind;
  resource: string;
  data: Record<string, unknown>;
  irreversible?: boolean;
}

/** How long after its close a holder is asked for in Temporal before its destination is given away. */
const RECENT_MS = 60_000;

const effectOf = (r: Selectable<EffectTable>): Effect => ({
  seq: r.seq,
  key: r.key,
  handoff: r.handoff,
  session: r.session,
  step: r.step,
  epoch: r.epoch,
  effect: r.effect,
  kind: r.kind as EffectKind,
  resource: r.resource,
  data: JSON.parse(r.data) as Record<string, unknown>,
  status: r.status,
  irreversible: r.irreversible === 1,
  intendedAt: r.intended_at,
  ...(r.result === null ? {} : { result: JSON.parse(r.result) as Record<string, unknown> }),
  ...(r.undo_result === null ? {} : { undoResult: r.undo_result as UndoResult }),
  ...(r.applied_at === null ? {} : { appliedAt: r.applied_at }),
  ...(r.undone_at === null ? {} : { undoneAt: r.undone_at }),
});

/**
 * The effects ledger: every change that a handoff makes outside its history, on record before it is made. It is the
 * truth that rollback follows, whatever the run remembers.
 */
export class Ledger {
  constructor(private readonly db: Db) {}

  /**
   * Writes the intents of a step, or finds those that an earlier attempt wrote. `stillOpen` is asked about holders that
   * closed a moment ago. Throws DESTINATION_RESERVED and STALE_EPOCH.
   */
  async intend(
    ref: StepRef,
    intents: readonly Intent[],
    stillOpen: (handoff: string) => Promise<boolean>,
  ): Promise<Effect[]> {
    const known = await this.findMany(ref, intents);
    if (known.length === intents.length) return known;
    const cleared = await this.clearRecentHolders(ref, intents, stillOpen);
    return this.db.transaction().execute(async (trx) => {
      await currentStep(trx, ref);
      return intendIn(trx, ref, intents, cleared);
    });
  }

  /** Those of the intents that stand in the ledger already. */
  async findMany(ref: StepRef, intents: readonly Intent[]): Promise<Effect[]> {
    return this.findKeys(intents.map((i) => effectKey(ref.handoff, ref.step, ref.epoch, i.effect)));
  }

  /** Effects by their keys, oldest first. */
  async findKeys(keys: readonly string[]): Promise<Effect[]> {
    return findIn(this.db, keys);
  }

  /**
   * Makes one effect and its row true together: `act` runs inside the transaction that marks the row applied. An effect
   * that was applied before is not made again; its recorded result is returned. Throws STALE_EPOCH where a rollback has
   * undone the row, so that a late attempt cannot bring it back.
   */
  async apply(
    ref: StepRef,
    key: string,
    act: (trx: Transaction<Tables>, effect: Effect) => Promise<Record<string, unknown>> | Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    return this.db.transaction().execute(async (trx) => {
      const effect = await mustFind(trx, key);
      if (effect.status === 'applied') return effect.result ?? {};
      await currentStep(trx, ref);
      if (effect.status === 'undone') throw staleEpoch(ref, ref.epoch + 1);
      const result = await act(trx, effect);
      await markApplied(trx, key, result);
      return result;
    });
  }

  /** Intents and effects of SQL resources in one transaction. */
  async intendAndApply(
    ref: StepRef,
    intents: (trx: Transaction<Tables>) => Promise<(Intent & { act: () => Promise<Record<string, unknown>> })[]>,
    stillOpen: (handoff: string) => Promise<boolean>,
    resources: readonly string[],
  ): Promise<void> {
    const cleared = await this.clearRecentHolders(
      ref,
      resources.map((resource) => ({ resource })),
      stillOpen,
    );
    await this.db.transaction().execute(async (trx) => {
      await currentStep(trx, ref);
      const planned = await intents(trx);
      const effects = await intendIn(trx, ref, planned, cleared);
      for (const [i, { key, status }] of effects.entries()) {
        if (status === 'applied') continue;
        if (status === 'undone') throw staleEpoch(ref, ref.epoch + 1);
        await markApplied(trx, key, await planned[i]!.act());
      }
    });
  }

  /**
   * Sets what undo needs to know, while the effect is only intended, and returns it. What is named in `once` stays as it
   * was first said: a late attempt would take its successor's work for what was there before.
   */
  async amend<D extends Record<string, unknown>>(key: string, data: D, once: readonly string[]): Promise<D> {
    return this.db.transaction().execute(async (trx) => {
      const effect = await mustFind(trx, key);
      const said = Object.entries(effect.data).filter(([name]) => once.includes(name));
      const amended = { ...data, ...Object.fromEntries(said) };
      if (effect.status === 'intended')
        await trx
          .updateTable('effects')
          .set({ data: JSON.stringify(amended) })
          .where('key', '=', key)
          .execute();
      return amended;
    });
  }

  /**
   * Takes an effect for one attempt, for as long as it keeps asking. False: another attempt that still runs has it.
   * Times in milliseconds.
   */
  async claim(key: string, owner: string, forMs: number): Promise<boolean> {
    const now = Date.now();
    const claimed = await this.db
      .updateTable('effects')
      .set({ owner, owner_until: now + forMs })
      .where('key', '=', key)
      .where((e) => e.or([e('owner', 'is', null), e('owner', '=', owner), e('owner_until', '<', now)]))
      .executeTakeFirst();
    return claimed.numUpdatedRows === 1n;
  }

  /**
   * The same for several effects, all or none: how many it took, less those that are applied already; undefined where
   * another has one of them.
   */
  async claimAll(keys: readonly string[], owner: string, forMs: number): Promise<number | undefined> {
    const now = Date.now();
    return this.db.transaction().execute(async (trx) => {
      const held = await trx
        .selectFrom('effects')
        .select('key')
        .where('key', 'in', keys)
        .where('owner', 'is not', null)
        .where('owner', '!=', owner)
        .where('owner_until', '>=', now)
        .limit(1)
        .executeTakeFirst();
      if (held) return undefined;
      const taken = await trx
        .updateTable('effects')
        .set({ owner, owner_until: now + forMs })
        .where('key', 'in', keys)
        .where('status', '=', 'intended')
        .executeTakeFirst();
      return Number(taken.numUpdatedRows);
    });
  }

  /** Keeps what `claimAll` took. How many are still the owner's: what was applied, undone or taken by another is not. */
  async renewAll(handoff: string, owner: string, forMs: number): Promise<number> {
    const renewed = await this.db
      .updateTable('effects')
      .set({ owner_until: Date.now() + forMs })
      .where('handoff', '=', handoff)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return Number(renewed.numUpdatedRows);
  }

  /** Keeps one of them. False: it is not the owner's any more. */
  async renew(key: string, owner: string, forMs: number): Promise<boolean> {
    const renewed = await this.db
      .updateTable('effects')
      .set({ owner_until: Date.now() + forMs })
      .where('key', '=', key)
      .where('owner', '=', owner)
      .executeTakeFirst();
    return renewed.numUpdatedRows === 1n;
  }

  async releaseAll(handoff: string, owner: string): Promise<void> {
    await this.db
      .updateTable('effects')
      .set({ owner: null })
      .where('handoff', '=', handoff)
      .where('owner', '=', owner)
      .execute();
  }

  /** Gives an effect back that `claim` took. */
  async release(key: string, owner: string): Promise<void> {
    await this.db
      .updateTable('effects')
      .set({ owner: null })
      .where('key', '=', key)
      .where('owner', '=', owner)
      .execute();
  }

  /** What is to be undone, newest first: rows intended or applied and not undone, irreversible ones included. */
  async toUndo(handoff: string, limit: number, before?: number, steps?: readonly string[]): Promise<Effect[]> {
    const rows = await this.db
      .selectFrom('effects')
      .selectAll()
      .where('handoff', '=', handoff)
      .where('status', '!=', 'undone')
      .$if(before !== undefined, (q) => q.where('seq', '<', before!))
      .$if(steps !== undefined, (q) => q.where('step', 'in', [...steps!]))
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute();
    return rows.map(effectOf);
  }

  /** Undoes one effect and marks its row in one transaction. A row that is undone already is left alone. */
  async undo(
    key: string,
    act: (trx: Transaction<Tables>, effect: Effect) => Promise<UndoResult> | UndoResult,
  ): Promise<UndoResult> {
    return this.db.transaction().execute(async (trx) => {
      const effect = await mustFind(trx, key);
      if (effect.status === 'undone') return effect.undoResult ?? 'undone';
      const result = await act(trx, effect);
      await trx
        .updateTable('effects')
        .set({ status: 'undone', undo_result: result, undone_at: Date.now(), owner: null })
        .where('key', '=', key)
        .execute();
      return result;
    });
  }

  async find(key: string): Promise<Effect | undefined> {
    return find(this.db, key);
  }

  /** All effects of a handoff, oldest first. */
  async list(handoff: string): Promise<Effect[]> {
    const rows = await this.db
      .selectFrom('effects')
      .selectAll()
      .where('handoff', '=', handoff)
      .orderBy('seq')
      .execute();
    return rows.map(effectOf);
  }

  /** The open handoff other than `handoff` that holds a resource, if any. */
  async holderOf(resource: string, handoff: string): Promise<string | undefined> {
    return (await holders(this.db, [resource], handoff, 0))[0]?.holder;
  }

  private async clearRecentHolders(
    ref: StepRef,
    intents: readonly { resource: string }[],
    stillOpen: (handoff: string) => Promise<boolean>,
  ): Promise<ReadonlySet<string>> {
    const cleared = new Set<string>();
    const resources = intents.map((i) => i.resource);
    for (const h of await holders(this.db, resources, ref.handoff, Date.now() - RECENT_MS)) {
      if (h.closed && !cleared.has(h.holder) && !(await stillOpen(h.holder))) cleared.add(h.holder);
    }
    return cleared;
  }
}

async function findIn(q: Queries, keys: readonly string[]): Promise<Effect[]> {
  const rows = await inParts(keys, (part) =>
    q.selectFrom('effects').selectAll().where('key', 'in', part).orderBy('seq').execute(),
  );
  return rows.map(effectOf);
}

/** Values that one statement takes. */
const PART = 500;

async function inParts<R>(values: readonly string[], of: (part: readonly string[]) => Promise<R[]>): Promise<R[]> {
  const found: R[] = [];
  for (let at = 0; at < values.length; at += PART) found.push(...(await of(values.slice(at, at + PART))));
  return found;
}

async function find(q: Queries, key: string): Promise<Effect | undefined> {
  const row = await q.selectFrom('effects').selectAll().where('key', '=', key).executeTakeFirst();
  return row && effectOf(row);
}

async function mustFind(q: Queries, key: string): Promise<Effect> {
  const effect = await find(q, key);
  if (!effect) throw new HandoffError('INTERNAL', { why: `effect ${key} is not in the ledger` });
  return effect;
}

async function intendIn(
  trx: Transaction<Tables>,
  ref: StepRef,
  intents: readonly Intent[],
  cleared: ReadonlySet<string>,
): Promise<Effect[]> {
  const effects: Effect[] = [];
  const keys = intents.map((i) => effectKey(ref.handoff, ref.step, ref.epoch, i.effect));
  const there = new Map((await findIn(trx, keys)).map((e) => [e.key, e]));
  const wanted = intents.filter((_, i) => !there.has(keys[i]!)).map((i) => i.resource);
  const held = (await holders(trx, wanted, ref.handoff, Date.now() - RECENT_MS)).find((h) => !cleared.has(h.holder));
  if (held) throw new HandoffError('DESTINATION_RESERVED', { resource: held.resource, holder: held.holder });
  for (const [i, intent] of intents.entries()) {
    const key = keys[i]!;
    const known = there.get(key);
    if (known) {
      effects.push(known);
      continue;
    }
    const row: Insertable<EffectTable> = {
      key,
      handoff: ref.handoff,
      session: ref.session,
      step: ref.step,
      epoch: ref.epoch,
      effect: intent.effect,
      kind: intent.kind,
      resource: intent.resource,
      data: JSON.stringify(intent.data),
      result: null,
      status: 'intended',
      irreversible: intent.irreversible ? 1 : 0,
      owner: null,
      owner_until: null,
      undo_result: null,
      intended_at: Date.now(),
      applied_at: null,
      undone_at: null,
    };
    const { seq } = await trx.insertInto('effects').values(row).returning('seq').executeTakeFirstOrThrow();
    effects.push(effectOf({ ...row, seq } as Selectable<EffectTable>));
  }
  return effects;
}

const markApplied = (trx: Transaction<Tables>, key: string, result: Record<string, unknown>): Promise<unknown> =>
  trx
    .updateTable('effects')
    .set({ status: 'applied', result: JSON.stringify(result), applied_at: Date.now(), owner: null })
    .where('key', '=', key)
    .execute();

/** Other handoffs that have written one of the resources and are open, or closed after `closedAfter`. */
async function holders(
  q: Queries,
  resources: readonly string[],
  handoff: string,
  closedAfter: number,
): Promise<{ resource: string; holder: string; closed: boolean }[]> {
  const rows = await inParts(resources, (part) =>
    q
      .selectFrom('effects')
      .innerJoin('handoffs', 'handoffs.id', 'effects.handoff')
      .select(['effects.resource as resource', 'effects.handoff as holder', 'handoffs.closed_at as closed_at'])
      .distinct()
      .where('effects.resource', 'in', part)
      .where('effects.status', '!=', 'undone')
      .where('effects.handoff', '!=', handoff)
      .where((e) =>
        e.or([
          e('handoffs.closed_at', 'is', null),
          ...(closedAfter > 0 ? [e('handoffs.closed_at', '>', closedAfter)] : []),
        ]),
      )
      .execute(),
  );
  return rows.map((r) => ({ resource: r.resource, holder: r.holder, closed: r.closed_at !== null }));
}
