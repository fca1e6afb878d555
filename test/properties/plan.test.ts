import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialState } from '../../src/core/handoff.js';
import { builtinActions, findCycle, lintProcedure } from '../../src/core/procedure-lint.js';
import { dependenciesOf, outlineOf, stepsFrom, type Procedure, type Step } from '../../src/core/procedure.js';
import { reduce } from '../../src/core/reducer.js';
import type { HandoffInput } from '../../src/core/request.js';
import { Run } from '../../src/workflows/handoff/run.js';
import { runs, seeded } from './seed.js';

const idOf = (i: number): string => `s${i}`;

/** Steps with random dependencies on any other; `undefined` means the step before, as in a list. */
const anySteps: fc.Arbitrary<Step[]> = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc
    .array(
      fc.option(fc.uniqueArray(fc.integer({ min: 0, max: n - 1 }), { maxLength: 3 }), { nil: undefined, freq: 4 }),
      { minLength: n, maxLength: n },
    )
    .map((all) =>
      all.map((deps, i) => ({
        step_id: idOf(i),
        name: idOf(i),
        action: 'transfer',
        ...(deps ? { depends_on: deps.map(idOf) } : {}),
      })),
    ),
);

/** The same, but each depends only on steps that come before it in a random order: never a cycle. */
const acyclic: fc.Arbitrary<Step[]> = fc.tuple(anySteps, fc.infiniteStream(fc.nat())).map(([steps, numbers]) => {
  const rank = steps.map(() => Number(numbers.next().value));
  return steps.map((s, i) => ({
    ...s,
    depends_on: (s.depends_on ?? []).filter((d) => {
      const j = Number(d.slice(1));
      return rank[j]! < rank[i]! || (rank[j] === rank[i] && j < i);
    }),
  }));
});

/** Kahn's algorithm: takes away steps without open dependencies; what is left goes round in a circle. */
function kahnLeft(steps: readonly Step[]): string[] {
  let left = steps.map((s, i) => ({ id: s.step_id, deps: dependenciesOf(steps, i) }));
  for (;;) {
    const ids = new Set(left.map((l) => l.id));
    const next = left.filter((l) => l.deps.some((d) => ids.has(d)));
    if (next.length === left.length) return [...ids];
    left = next;
  }
}

const procedureOf = (steps: Step[]): Procedure => ({
  procedure_id: 'RANDOM',
  version: '1.0.0',
  name: 'Random',
  steps,
  rollback_procedures: [{ rollback_id: 'r', name: 'R', steps: steps.map((s) => s.step_id) }],
});

test('findCycle finds one exactly where Kahn is left with something, and what it finds is a cycle', () => {
  const seen = { with: 0, without: 0 };
  fc.assert(
    fc.property(anySteps, (steps) => {
      const left = kahnLeft(steps);
      const cycle = findCycle(steps);
      expect(cycle !== undefined).toBe(left.length > 0);
      const known = { actions: builtinActions, rules: new Set<string>() };
      const issues = lintProcedure(procedureOf(steps), known).map((i) => i.message);
      expect(issues.some((m) => m.startsWith('the dependencies form a cycle: '))).toBe(left.length > 0);
      seen[cycle ? 'with' : 'without']++;
      if (!cycle) return;
      expect(cycle[0]).toBe(cycle.at(-1));
      expect(cycle.length).toBeGreaterThan(1);
      for (let i = 1; i < cycle.length; i++) {
        const at = steps.findIndex((s) => s.step_id === cycle[i - 1]);
        expect(dependenciesOf(steps, at)).toContain(cycle[i]);
        expect(left).toContain(cycle[i]);
      }
    }),
    seeded(runs(3000)),
  );
  expect(Math.min(seen.with, seen.without)).toBeGreaterThan(100);
});

test('steps that are offered as ready respect every dependency, and all get their turn, whatever ends first', () => {
  fc.assert(
    fc.property(acyclic, fc.infiniteStream(fc.nat()), (steps, numbers) => {
      const procedure = procedureOf(steps);
      const state = initialState({ now: 0, expiresInMs: 1, clockWhilePaused: 'stop' });
      const run = new Run({} as HandoffInput, procedure, state);
      const did: string[] = [];
      const to = (event: Parameters<typeof reduce>[1]): void => {
        run.state = reduce(run.state, event);
      };
      to({ type: 'began', steps: steps.map((s) => s.step_id), epochs: {}, now: 0 });
      for (;;) {
        for (const id of run.readySteps()) to({ type: 'step_started', step: id, now: 0 });
        const running = Object.keys(run.state.steps).filter((id) => run.state.steps[id]!.status === 'running');
        if (running.length === 0) break;
        const id = running[numbers.next().value % running.length]!;
        const at = steps.findIndex((s) => s.step_id === id);
        expect(did).toEqual(expect.arrayContaining(dependenciesOf(steps, at)));
        did.push(id);
        to({ type: 'step_finished', step: id, now: 0 });
      }
      expect(did.toSorted()).toEqual(steps.map((s) => s.step_id).toSorted());
    }),
    seeded(runs(1000)),
  );
});

test('stepsFrom is the step and whatever needs it, however far, as a naive search finds it', () => {
  fc.assert(
    fc.property(acyclic, fc.nat(), (steps, n) => {
      const from = steps[n % steps.length]!.step_id;
      const needs = (id: string): boolean => {
        if (id === from) return true;
        const at = steps.findIndex((s) => s.step_id === id);
        return dependenciesOf(steps, at).some(needs);
      };
      const wanted = steps.map((s) => s.step_id).filter(needs);
      expect(stepsFrom(procedureOf(steps), from)).toEqual(wanted);
    }),
    seeded(runs(1000)),
  );
});

test('the outline of a procedure runs the same steps in the same order', () => {
  fc.assert(
    fc.property(acyclic, (steps) => {
      const procedure = procedureOf(steps.map((s) => ({ ...s, description: 'long', with: { a: 1 } })));
      const outline = outlineOf(procedure);
      expect(outline.steps).toEqual(steps);
      expect(JSON.stringify(outline)).not.toMatch(/long|rollback/);
    }),
    seeded(runs(200)),
  );
});
