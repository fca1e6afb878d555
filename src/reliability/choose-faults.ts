import { HandoffError } from '../core/errors.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import type { Fault } from './fault.js';
import { FAULTS } from './faults/all.js';
import type { Stack } from './stack.js';

const ALL = 'all';

/** Throws INVALID_RELIABILITY_TEST where a fault is asked for that nobody knows. */
export function checkFaults({ faults = [] }: ReliabilitySettings): void {
  const known = FAULTS.map((f) => f.name);
  const unknown = faults.filter((name) => name !== ALL && !known.includes(name));
  if (unknown.length === 0) return;
  const issues = `/faults: there is no fault ${unknown.join(', ')}; known: ${[ALL, ...known].join(', ')}`;
  throw new HandoffError('INVALID_RELIABILITY_TEST', { issues });
}

/**
 * What is to strike: what was asked for, else all for failure injection and none for the others, whose time limits leave
 * no room for it. What cannot strike here is told.
 */
export function chosenFaults(settings: ReliabilitySettings, stack: Stack): { faults: Fault[]; notDone: string[] } {
  const { faults: asked, configuration } = settings;
  const names = asked ?? (configuration.type === 'failure_injection' ? [ALL] : []);
  const chosen = FAULTS.filter((f) => names.includes(ALL) || names.includes(f.name));
  const notDone = chosen.flatMap((f) => {
    const why = f.lacks?.(stack);
    return why === undefined ? [] : [`${f.name}: ${why}`];
  });
  return { faults: chosen.filter((f) => f.lacks?.(stack) === undefined), notDone };
}
