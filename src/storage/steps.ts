import type { Db, Queries } from './database.js';
import { HandoffError } from '../core/errors.js';

/** Which attempt of which step is at work. */
export interface StepRef {
  handoff: string;
  session: string;
  step: string;
  epoch: number;
}

/** How often each step was reopened, and the attempts that it has used: what shuts late attempts out. */
export class Steps {
  constructor(private readonly db: Db) {}

  /** Counts one more attempt of a step. Throws STALE_EPOCH for an attempt that a rollback or a repair has overtaken. */
  async begin(ref: StepRef): Promise<number> {
    return this.db.transaction().execute(async (trx) => {
      const row = await currentStep(trx, ref);
      const attempts = row && row.epoch === ref.epoch ? row.attempts + 1 : 1;
      await trx
        .insertInto('steps')
        .values({ handoff: ref.handoff, step: ref.step, epoch: ref.epoch, attempts, tries: 1 })
        .onConflict((c) =>
          c
            .columns(['handoff', 'step'])
            .doUpdateSet((e) => ({ epoch: ref.epoch, attempts, tries: e('steps.tries', '+', 1) })),
        )
        .execute();
      // A run that was reset makes effects again: its handoff is open again.
      await trx
        .updateTable('handoffs')
        .set({ closed_at: null })
        .where('id', '=', ref.handoff)
        .where('closed_at', 'is not', null)
        .execute();
      return attempts;
    });
  }

  /** An attempt that a pause stopped midway does not count, nor one that is to go on. The attempts that do. */
  async giveBack(ref: StepRef): Promise<number> {
    const given = await this.db
      .updateTable('steps')
      .set((e) => ({ attempts: e('attempts', '-', 1), tries: e('tries', '-', 1) }))
      .where('handoff', '=', ref.handoff)
      .where('step', '=', ref.step)
      .where('epoch', '=', ref.epoch)
      .where('attempts', '>', 0)
      .returning('attempts')
      .executeTakeFirst();
    return given?.attempts ?? 0;
  }

  /** Epochs and used attempts of all steps that have begun. */
  async list(handoff: string): Promise<Record<string, { epoch: number; attempts: number }>> {
    const rows = await this.db.selectFrom('steps').selectAll().where('handoff', '=', handoff).execute();
    return Object.fromEntries(rows.map((r) => [r.step, { epoch: r.epoch, attempts: r.attempts }]));
  }

  /** Throws STALE_EPOCH for a step that a rollback or a repair has overtaken. */
  async check(ref: StepRef): Promise<void> {
    await currentStep(this.db, ref);
  }

  /**
   * Shuts steps against late attempts: each goes to its next epoch, and so does every step that has begun. False, and
   * nothing is shut, where `execution` has recorded the handoff as completed.
   */
  async shut(handoff: string, steps: readonly string[], execution?: string): Promise<boolean> {
    return this.db.transaction().execute(async (trx) => {
      if (execution !== undefined) {
        const row = await trx
          .selectFrom('handoffs')
          .select('completed_by')
          .where('id', '=', handoff)
          .executeTakeFirst();
        if (row?.completed_by === execution) return false;
      }
      const begun = await trx.selectFrom('steps').select('step').where('handoff', '=', handoff).execute();
      for (const step of new Set([...steps, ...begun.map((b) => b.step)])) {
        await trx
          .insertInto('steps')
          .values({ handoff, step, epoch: 2, attempts: 0 })
          .onConflict((c) =>
            c.columns(['handoff', 'step']).doUpdateSet((e) => ({ epoch: e('steps.epoch', '+', 1), attempts: 0 })),
          )
          .execute();
      }
      await trx.updateTable('handoffs').set({ closed_at: null }).where('id', '=', handoff).execute();
      return true;
    });
  }

  /** Shuts single steps: each goes to the epoch given, unless it is further already. */
  async raise(handoff: string, epochs: Record<string, number>): Promise<void> {
    await this.db.transaction().execute(async (trx) => {
      for (const [step, epoch] of Object.entries(epochs)) {
        const raise = { epoch, attempts: 0 };
        await trx
          .insertInto('steps')
          .values({ handoff, step, ...raise })
          .onConflict((c) => c.columns(['handoff', 'step']).doUpdateSet(raise).where('steps.epoch', '<', epoch))
          .execute();
      }
    });
  }
}

/** Throws STALE_EPOCH if the step is past the attempt's epoch; the row otherwise. */
export async function currentStep(q: Queries, ref: StepRef): Promise<{ epoch: number; attempts: number } | undefined> {
  const row = await q
    .selectFrom('steps')
    .select(['epoch', 'attempts'])
    .where('handoff', '=', ref.handoff)
    .where('step', '=', ref.step)
    .executeTakeFirst();
  if (row && row.epoch > ref.epoch) throw staleEpoch(ref, row.epoch);
  return row;
}

export const staleEpoch = (ref: StepRef, current: number): HandoffError =>
  new HandoffError('STALE_EPOCH', { step: ref.step, epoch: ref.epoch, current });
