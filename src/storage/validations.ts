import type { Selectable } from 'kysely';
import type { RuleResult } from '../core/rule.js';
import type { Db } from './database.js';
import type { ValidationTable } from './tables/handoffs.js';

/**
 * A validation session with each rule's result. Times in milliseconds. `handoff` and `step` are there where a handoff ran
 * it; without a step it was run by itself.
 */
export interface ValidationSession {
  id: string;
  handoff?: string;
  step?: string;
  procedure: string;
  passed: boolean;
  results: RuleResult[];
  startedAt: number;
  endedAt: number;
}

/** The record of validation sessions. */
export class Validations {
  constructor(private readonly db: Db) {}

  /** Records a session; the same id again replaces it, so that a check that runs twice leaves one record. */
  async record(v: ValidationSession): Promise<void> {
    const row = {
      handoff: v.handoff ?? null,
      step: v.step ?? null,
      procedure: v.procedure,
      passed: v.passed ? 1 : 0,
      verdicts: verdictsText(v.results),
      results: JSON.stringify(v.results),
      started_at: v.startedAt,
      ended_at: v.endedAt,
    };
    await this.db
      .insertInto('validations')
      .values({ id: v.id, ...row })
      .onConflict((c) => c.column('id').doUpdateSet(row))
      .execute();
  }

  async find(id: string): Promise<ValidationSession | undefined> {
    const row = await this.db.selectFrom('validations').selectAll().where('id', '=', id).executeTakeFirst();
    return row && sessionOf(row);
  }

  /** The sessions of one handoff, oldest first. */
  async list(handoff: string): Promise<ValidationSession[]> {
    const rows = await this.db
      .selectFrom('validations')
      .selectAll()
      .where('handoff', '=', handoff)
      .orderBy('started_at')
      .execute();
    return rows.map(sessionOf);
  }

  /** The last sessions of all handoffs and of none, newest first. */
  async latest(limit = 20): Promise<ValidationSession[]> {
    const rows = await this.db
      .selectFrom('validations')
      .selectAll()
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(sessionOf);
  }
}

/**
 * What each rule of a session said, so short that sessions which say the same are counted by it: `VR001c+ VR003h-` is
 * VR001, critical, passed, and VR003, high, failed.
 */
export const verdictsText = (results: readonly Pick<RuleResult, 'rule' | 'severity' | 'passed'>[]): string =>
  results.map((r) => `${r.rule}${r.severity[0]!}${r.passed ? '+' : '-'}`).join(' ');

const sessionOf = (r: Selectable<ValidationTable>): ValidationSession => ({
  id: r.id,
  procedure: r.procedure,
  passed: r.passed === 1,
  results: JSON.parse(r.results) as RuleResult[],
  startedAt: r.started_at,
  endedAt: r.ended_at,
  ...(r.handoff === null ? {} : { handoff: r.handoff }),
  ...(r.step === null ? {} : { step: r.step }),
});
