import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import Database from 'libsql';
import type { Action, ActionContext } from '../../src/activities/action.js';
import { HandoffError } from '../../src/core/errors.js';
import type { Procedure } from '../../src/core/procedure.js';

/** Where an attempt fails: before its effect, within it before or after it is made, or once it is on record. */
const PLACES = ['before', 'early', 'late', 'after'] as const;

export interface RandomStep {
  kind: 'file' | 'row';
  /** Indices of steps before it. */
  needs: number[];
  /** Attempts that fail; more than a step has: it fails for good. */
  failures: number;
  place: (typeof PLACES)[number];
  irreversible: boolean;
  /** Milliseconds that an attempt takes. */
  takes: number;
  /** Undos of each of its effects that fail, each at once an incident. Default 0. */
  undoFails?: number;
}

export interface Scenario {
  steps: RandomStep[];
  /** Milliseconds after the start. */
  pauseAt?: number;
  pausedFor: number;
  cancelAt?: number;
}

export const ATTEMPTS = 2;

export const step = (index: number): fc.Arbitrary<RandomStep> =>
  fc.record({
    kind: fc.constantFrom('file' as const, 'row' as const),
    needs: index === 0 ? fc.constant([]) : fc.uniqueArray(fc.integer({ min: 0, max: index - 1 }), { maxLength: 2 }),
    failures: fc.oneof(
      { arbitrary: fc.constant(0), weight: 6 },
      { arbitrary: fc.constant(1), weight: 2 },
      { arbitrary: fc.constant(ATTEMPTS), weight: 1 },
    ),
    place: fc.constantFrom(...PLACES),
    irreversible: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    takes: fc.integer({ min: 0, max: 150 }),
  });

export const scenario: fc.Arbitrary<Scenario> = fc.integer({ min: 1, max: 6 }).chain((n) =>
  fc.record({
    steps: fc.tuple(...Array.from({ length: n }, (_, i) => step(i))),
    pauseAt: fc.option(fc.integer({ min: 0, max: 700 }), { nil: undefined, freq: 4 }),
    pausedFor: fc.integer({ min: 1800, max: 3000 }),
    cancelAt: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined, freq: 2 }),
  }),
);

/** What must be true at the end, from the scenario alone. */
export function expected(s: Scenario): { outcome: 'completed' | 'failed'; effects: number[] } {
  const fails = s.steps.some((step) => step.failures >= ATTEMPTS);
  return { outcome: fails ? 'failed' : 'completed', effects: fails ? [] : s.steps.map((_, i) => i) };
}

export const stepId = (i: number): string => `s${i}`;

export function procedureOf(id: string, s: Pick<Scenario, 'steps'>, over: Partial<Procedure> = {}): Procedure {
  const reversible = s.steps.flatMap((step, i) => (step.irreversible ? [] : [stepId(i)]));
  return {
    procedure_id: id,
    version: '1.0.0',
    name: 'Random',
    steps: s.steps.map((step, i) => ({
      step_id: stepId(i),
      name: `Step ${i}`,
      action: `make_${step.kind}`,
      depends_on: step.needs.map(stepId),
      retry: { maximum_attempts: ATTEMPTS, initial_interval: 0.01 },
      with: { failures: step.failures, place: step.place, takes: step.takes, undoFails: step.undoFails ?? 0 },
      ...(step.irreversible ? { compensation: 'irreversible' } : {}),
    })),
    ...(reversible.length > 0
      ? { rollback_procedures: [{ rollback_id: 'take_back', name: 'Take back', steps: reversible }] }
      : {}),
    ...over,
  };
}

export interface Started {
  handoff: string;
  step: string;
  epoch: number;
  at: number;
  /** Whether the attempt did all it had to. */
  succeeded: boolean;
}

/** Files in a folder and rows in a database of its own: the world that the random procedures change. */
export class World {
  private readonly db: Database.Database;
  readonly starts: Started[] = [];
  /** How often each effect was made, by its key. */
  readonly made = new Map<string, number>();
  /** Undos of each effect: those that failed, and those that took it back. */
  readonly undos = new Map<string, { failed: number; done: number }>();

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
    this.db = new Database(path.join(folder, 'world.db'));
    this.db.exec('create table things (key text primary key, handoff text not null)');
  }

  close(): void {
    this.db.close();
  }

  /** The keys of the effects that a handoff has left, files and rows. */
  effectsOf(handoff: string): string[] {
    const folder = path.join(this.folder, handoff);
    const files = existsSync(folder) ? readdirSync(folder).map((f) => readFileSync(path.join(folder, f), 'utf8')) : [];
    const rows = this.db.prepare('select key from things where handoff = ?').all(handoff) as { key: string }[];
    return [...files, ...rows.map((r) => r.key)].toSorted();
  }

  /** When the attempts of a step began. */
  startsOf(handoff: string, step: string): number[] {
    return this.starts.filter((s) => s.handoff === handoff && s.step === step).map((s) => s.at);
  }

  attempts(handoff: string, step: string): number {
    return this.startsOf(handoff, step).length;
  }

  private action(
    kind: 'file' | 'row',
    make: (handoff: string, key: string) => void,
    unmake: (key: string) => void,
  ): Action {
    return {
      name: `make_${kind}`,
      run: async (context) => {
        const { step, epoch, subject } = context.task;
        const { handoffId } = subject;
        const start = { handoff: handoffId, step, epoch, at: Date.now(), succeeded: false };
        this.starts.push(start);
        const failAt = this.failing(context);
        await new Promise((resolve) => setTimeout(resolve, Number(context.task.with['takes'])));
        failAt('before');
        await context.effect('it', { undoFails: context.task.with['undoFails'] }, (key) => {
          failAt('early');
          make(handoffId, key);
          this.made.set(key, (this.made.get(key) ?? 0) + 1);
          failAt('late');
          return Promise.resolve();
        });
        failAt('after');
        start.succeeded = true;
      },
      undo: (effect) => {
        const undos = this.undos.get(effect.key) ?? { failed: 0, done: 0 };
        const fails = undos.failed < Number(effect.data['undoFails']);
        this.undos.set(effect.key, { ...undos, [fails ? 'failed' : 'done']: undos[fails ? 'failed' : 'done'] + 1 });
        // Not worth another try, so that an operator hears of it at once.
        if (fails) throw new HandoffError('STATE_CONFLICT', { resource: effect.key, expected: 'rest', found: 'none' });
        unmake(effect.key);
        return Promise.resolve();
      },
    };
  }

  private failing({ task }: ActionContext): (place: string) => void {
    const n = this.attempts(task.subject.handoffId, task.step);
    return (place) => {
      if (place === task.with['place'] && n <= Number(task.with['failures']) && task.with['healed'] !== true)
        throw new Error(`fails at ${place} (${n})`);
    };
  }

  private fileOf(key: string): string {
    const [handoff, ...rest] = key.split('/');
    return path.join(this.folder, handoff!, rest.join('-'));
  }

  readonly actions: Action[] = [
    this.action(
      'file',
      (_, key) => {
        mkdirSync(path.dirname(this.fileOf(key)), { recursive: true });
        writeFileSync(this.fileOf(key), key);
      },
      (key) => rmSync(this.fileOf(key), { force: true }),
    ),
    this.action(
      'row',
      (handoff, key) => void this.db.prepare('insert or ignore into things values (?, ?)').run(key, handoff),
      (key) => void this.db.prepare('delete from things where key = ?').run(key),
    ),
  ];
}
