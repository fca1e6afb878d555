import type { HandoffOutcome, HandoffState, Outcome, UndoneEffect } from './handoff.js';
import { returnWarnings } from './returns.js';

/** Undone effects that an outcome names; the ledger names them all. */
const REPORTED = 200;

/** What a handoff that closes has to say. `at` in milliseconds. */
export function outcomeOf(
  of: Pick<HandoffOutcome, 'handoffId' | 'procedure'>,
  state: HandoffState,
  outcome: Outcome,
  at: number,
): HandoffOutcome {
  const { ending, completion, acceptance } = state;
  const by = ending?.by ?? completion?.by ?? acceptance.by;
  const steps = Object.entries(state.steps).map(([id, { status, facts, error, note }]) => [
    id,
    { status, ...(facts ? { facts } : {}), ...(error ? { error } : {}), ...(note ? { note } : {}) },
  ]);
  return {
    ...of,
    outcome,
    ...(by ? { by } : {}),
    ...(ending ? { reason: ending.reason, code: ending.code } : {}),
    at: new Date(at).toISOString(),
    steps: Object.fromEntries(steps) as HandoffOutcome['steps'],
    ...(state.late ? { late: state.late } : {}),
    undone: reported(state.undone),
    ...returnsOf(state),
  };
}

/** What became of the returns, and of one that completes what did not come. */
function returnsOf(state: HandoffState): Pick<HandoffOutcome, 'returns' | 'warnings'> {
  if (!state.returns) return {};
  const returns = Object.entries(state.returns).map(([name, r]) => {
    const { status, by, receivedAt, lateSince, rounds, sha256, path, note } = r;
    return [name, { status, by, receivedAt, lateSince, rounds, sha256, path, note }] as const;
  });
  const warnings = returnWarnings(state);
  return {
    returns: Object.fromEntries(returns),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** Of very many, first those that did not simply go back: no effect stays that the outcome does not name. */
function reported(undone: readonly UndoneEffect[]): UndoneEffect[] {
  if (undone.length <= REPORTED) return [...undone];
  const plain = (u: UndoneEffect): boolean => u.result === 'undone' || u.result === 'nothing_to_undo';
  return [...undone.filter((u) => !plain(u)), ...undone.filter(plain)].slice(0, REPORTED);
}
