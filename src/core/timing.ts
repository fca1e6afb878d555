import type { Contract } from './contract.js';
import { parseDate } from './date.js';
import { stepIsDone, type HandoffState } from './handoff.js';
import type { Procedure } from './procedure.js';
import type { HandoffInput, Party } from './request.js';

/** Whose end was expected. */
export type LateEnd = 'source' | 'target';
const ENDS: readonly LateEnd[] = ['source', 'target'];

/** That a handoff is late: it ends nothing, and stays to its end. Milliseconds. */
export interface Late {
  /** The first expected end that has passed. */
  since: number;
  /** `phase 13 was expected to end by 2026-01-13 15:30:00 UTC`, for people. */
  what: string;
  ends: LateEnd[];
}

/** What a contract's `timing` says of a handoff's two phases; `triggerAfter` only where a step waits for it. Milliseconds. */
export function timingOf(
  timing: Contract['timing'] | undefined,
  { source, target }: { source: Party; target: Party },
  held: readonly string[],
): Pick<HandoffInput, 'triggerAfter' | 'expectedEnds'> {
  const at = (phase: string | undefined, what: string): number | undefined => {
    const text: unknown = phase === undefined ? undefined : timing?.[`phase_${phase}_${what}`];
    return typeof text === 'string' ? parseDate(text) : undefined;
  };
  const ends = { source: at(source.phase, 'expected_end'), target: at(target.phase, 'expected_end') };
  const expectedEnds = {
    ...(ends.source === undefined ? {} : { source: ends.source }),
    ...(ends.target === undefined ? {} : { target: ends.target }),
  };
  const triggerAfter = held.length > 0 ? at(target.phase, 'can_start_after') : undefined;
  return {
    ...(triggerAfter === undefined ? {} : { triggerAfter }),
    ...(Object.keys(expectedEnds).length > 0 ? { expectedEnds } : {}),
  };
}

/** Whether all that the source has to hand over is handed over: its `transfer` steps. Without any: once it has begun. */
const sourceIsDone = (s: HandoffState, { steps }: Procedure): boolean =>
  s.status !== 'pending' && steps.every((p) => p.action !== 'transfer' || stepIsDone(s.steps[p.step_id]));

/** The expected ends that can still make an open handoff late, and when. */
export function endsToCome(
  s: HandoffState,
  procedure: Procedure,
  expected: HandoffInput['expectedEnds'],
): { end: LateEnd; at: number }[] {
  if (!expected || s.ending) return [];
  return ENDS.flatMap((end) => {
    const at = expected[end];
    const over = s.late?.ends.includes(end) || (end === 'source' && sourceIsDone(s, procedure));
    return at === undefined || over ? [] : [{ end, at }];
  });
}

/** A state that is late for one end more. */
export function lateBy(s: HandoffState, end: LateEnd, at: number, what: string): HandoffState {
  const { late } = s;
  if (!late) return { ...s, late: { since: at, what, ends: [end] } };
  if (late.ends.includes(end)) return s;
  return {
    ...s,
    late: { since: Math.min(late.since, at), what: `${late.what}; ${what}`, ends: [...late.ends, end] },
  };
}
