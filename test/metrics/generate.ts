import type { Severity } from '../../src/core/procedure.js';
import type { Storage } from '../../src/storage/storage.js';
import { verdictsText } from '../../src/storage/validations.js';

/** One handoff of a made-up history. */
export interface Made {
  id: string;
  procedure: string;
  type: string;
  session: string;
  status: string;
  createdAt: number;
  /** Undefined: it is open. */
  closedAt: number | undefined;
  tries: number;
}

const OUTCOMES = ['completed', 'completed', 'completed', 'failed', 'rejected', 'expired', 'cancelled', 'completed'];
const RULES: [string, Severity][] = [
  ['VR001', 'critical'],
  ['VR003', 'high'],
  ['VR007', 'medium'],
];

/**
 * Writes `count` handoffs as an engine of months would leave them: rows with long snapshots, steps, validation sessions and effects
 * that were undone. `random` gives numbers from 0 to 1.
 */
export async function makeHistory(storage: Storage, count: number, random: () => number): Promise<Made[]> {
  const { db } = storage;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const now = Date.now();
  const made = Array.from({ length: count }, (_, i): Made => {
    const open = random() < 0.01;
    const createdAt = now - Math.floor(random() * 30 * 86_400_000) - 600_000;
    return {
      id: `g-${i}`,
      procedure: pick(['PHASE_TRANSITION_STANDARD', 'AGENT_HANDOFF_STANDARD', 'OWN_PROCEDURE']),
      type: pick(['PHASE_TRANSITION', 'AGENT_HANDOFF', 'REVIEW']),
      session: `s-${Math.floor(random() * Math.max(1, count / 50))}`,
      status: open ? pick(['running', 'awaiting_acceptance']) : pick(OUTCOMES),
      createdAt,
      closedAt: open ? undefined : createdAt + Math.floor(random() ** 4 * 600_000),
      tries: random() < 0.1 ? 2 + Math.floor(random() * 2) : 1,
    };
  });
  const long = JSON.stringify({ subject: 'x'.repeat(2500) });
  for (let from = 0; from < count; from += 200) {
    const slice = made.slice(from, from + 200);
    await db.transaction().execute(async (trx) => {
      await trx
        .insertInto('handoffs')
        .values(
          slice.map((h) => ({
            id: h.id,
            run: `run-${h.id}`,
            procedure: h.procedure,
            procedure_digest: 'd',
            request_digest: 'd',
            session: h.session,
            type: h.type,
            priority: 'normal',
            source_agent: '@a',
            source_phase: null,
            target_agent: `@agent-${h.id.length}`,
            target_phase: null,
            status: h.status,
            shown: h.status,
            blocked: null,
            shown_since: h.createdAt + 5,
            returns_due: null,
            snapshot: long,
            outcome: h.closedAt === undefined ? null : '{}',
            created_at: h.createdAt,
            updated_at: h.closedAt ?? h.createdAt,
            closed_at: h.closedAt ?? null,
            as_of: 0,
          })),
        )
        .execute();
      await trx
        .insertInto('steps')
        .values(
          slice.flatMap((h) =>
            ['check', 'send', 'sync'].map((step, i) => ({
              handoff: h.id,
              step,
              epoch: 1,
              attempts: 1,
              tries: i === 1 ? h.tries : 1,
            })),
          ),
        )
        .execute();
      await trx
        .insertInto('validations')
        .values(
          slice.flatMap((h) =>
            ['before', 'after'].map((step) => {
              const results = RULES.map(([rule, severity]) => {
                const passed = h.status !== 'failed' || rule !== 'VR003' || step !== 'before';
                return { rule, severity, passed, name: rule, message: 'm'.repeat(80), durationMs: 1 };
              });
              return {
                id: `${h.id}/${step}`,
                handoff: h.id,
                step,
                procedure: h.procedure,
                passed: results.every((r) => r.passed) ? 1 : 0,
                verdicts: verdictsText(results),
                results: JSON.stringify(results),
                started_at: h.createdAt + 10,
                ended_at: h.createdAt + 30,
              };
            }),
          ),
        )
        .execute();
      await trx
        .insertInto('effects')
        .values(
          slice.map((h) => ({
            key: `${h.id}/send/1/it`,
            handoff: h.id,
            session: h.session,
            step: 'send',
            epoch: 1,
            effect: 'it',
            kind: 'file',
            resource: `/r/${h.id}`,
            data: 'x'.repeat(300),
            status: h.closedAt !== undefined && h.status !== 'completed' ? ('undone' as const) : ('applied' as const),
            undo_result: h.closedAt !== undefined && h.status !== 'completed' ? 'undone' : null,
            irreversible: 0,
            intended_at: h.createdAt,
          })),
        )
        .execute();
    });
  }
  return made;
}
