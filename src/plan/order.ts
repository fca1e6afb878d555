import { dependenciesOf, hasEffect, isUsers, type Procedure, type Step } from '../core/procedure.js';

/** The steps that are surely finished before each step starts, by its id, in the procedure's order. */
export function stepsBefore({ steps }: Procedure): Map<string, Step[]> {
  const before = new Map(steps.map((s, i) => [s.step_id, new Set(dependenciesOf(steps, i))]));
  // Dependencies may point forward in the list, so go round until nothing is added. A cycle ends here too.
  for (let grown = true; grown;) {
    grown = false;
    for (const ids of before.values()) {
      const size = ids.size;
      for (const id of ids) for (const earlier of before.get(id) ?? []) ids.add(earlier);
      grown ||= ids.size !== size;
    }
  }
  return new Map([...before].map(([id, ids]) => [id, steps.filter((s) => ids.has(s.step_id))]));
}

/** Every step after those that it depends on, else in the procedure's order. */
export function inOrder(procedure: Procedure): Step[] {
  const before = stepsBefore(procedure);
  const depth = (s: Step): number => before.get(s.step_id)!.length;
  return procedure.steps.toSorted((a, b) => depth(a) - depth(b));
}

/** Steps with an effect whose changes nobody can foretell. */
export const ownSteps = (steps: readonly Step[]): Step[] => steps.filter((s) => hasEffect(s) && isUsers(s.action));

/** What a transfer step hands over: its `with.what`. */
export function handsOver(step: Step, what: 'artifacts' | 'context'): boolean {
  const asked = step.with?.['what'];
  return step.action === 'transfer' && (Array.isArray(asked) ? asked : ['artifacts']).includes(what);
}

export const named = (steps: readonly Step[]): string => steps.map((s) => s.name).join(', ');
