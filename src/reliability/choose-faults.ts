import { HandoffError } from '../core/errors.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import type { Fault } from './fault.js';
import { FAULTS } from './faults/index.js';
import type { Stack } from './stack.js';

const ALL = 'all';

/**
 * What failure injection does by itself, the dearest to users first, and about how many seconds each holds. Those of
 * single steps are not among them: the failure rate has them all the time.
 */
const USUAL: readonly (readonly [name: string, seconds: number])[] = [
  ['worker_kill', 4],
  ['server_kill', 4],
  ['connections_cut', 1],
  ['database_locked', 4],
  ['disk_full', 2],
  ['agent_silent', 3],
  ['database_full', 2],
  ['worker_stop', 7],
  ['connections_half_open', 6],
  ['all_workers_kill', 5],
  ['server_stop', 5],
  ['connections_slow', 4],
  ['worker_restart', 5],
  ['database_failing', 12],
  ['disk_failing', 12],
];
/** How much of the time limit strikes may take. */
const SHARE = 0.4;

/** Throws INVALID_RELIABILITY_TEST where a fault is asked for that nobody knows. */
export function checkFaults({ faults = [] }: ReliabilitySettings): void {
  const unknown = faults.filter((name) => name !== ALL && !Object.hasOwn(FAULTS, name));
  if (unknown.length === 0) return;
  const issues = `/faults: there is no fault ${unknown.join(', ')}; known: ${[ALL, ...Object.keys(FAULTS)].join(', ')}`;
  throw new HandoffError('INVALID_RELIABILITY_TEST', { issues });
}

interface Chosen {
  faults: Fault[];
  /** Asked for, and impossible here. */
  notDone: string[];
  /** What the usual ones leave out for lack of time. */
  notes: string[];
}

/** What is to strike: what was asked for, else what a test of this type does by itself. */
export function chosenFaults(settings: ReliabilitySettings, stack: Stack): Chosen {
  const { names, notes } = namesOf(settings);
  const chosen = Object.values(FAULTS).filter((f) => names.includes(ALL) || names.includes(f.name));
  const lacking = chosen.map((f) => [f, f.lacks?.(stack)] as const);
  return {
    faults: lacking.flatMap(([f, why]) => (why === undefined ? [f] : [])),
    notDone: lacking.flatMap(([f, why]) => (why === undefined ? [] : [`${f.name}: ${why}`])),
    notes,
  };
}

/** The others have none by themselves: their limits are for a stack that stands. */
function namesOf({ faults, configuration }: ReliabilitySettings): { names: readonly string[]; notes: string[] } {
  if (faults) return { names: faults, notes: [] };
  if (configuration.type !== 'failure_injection') return { names: [], notes: [] };
  let room = configuration.timeoutSeconds * SHARE;
  const names: string[] = [];
  const left: string[] = [];
  for (const [name, seconds] of USUAL) {
    room -= seconds;
    (room < 0 ? left : names).push(name);
  }
  const note = `The time limit has no room for ${left.join(', ')}; more iterations, or --faults, have them strike too.`;
  return { names, notes: left.length > 0 ? [note] : [] };
}
