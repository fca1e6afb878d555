import type { Incident } from '../../src/core/handoff.js';
import { stepId } from './random-procedures.js';
import type { Repairs } from './random-repairs.js';

/** A repair as an operator means it. */
export type Repair =
  | { verb: 'retry'; healed: boolean }
  | { verb: 'skip' }
  | { verb: 'resolve' }
  | { verb: 'rollback'; toStep?: string };

/**
 * Why a step has an epoch: `back_to` is where a rollback to a step ended, `back` the steps after it. `by_hand` only shuts
 * out attempts that still run: nothing begins there, and what the epoch before it did stays.
 */
type Why = 'begun' | 'retry' | 'skip' | 'by_hand' | 'back' | 'back_to';

interface Expected {
  /** Why it has each of its epochs, from the first. */
  epochs: Why[];
  end: 'finished' | 'skipped' | 'by_hand';
  /** Taken back, and not begun again since. */
  untouched: boolean;
}

/**
 * What a handoff must look like after the repairs that it took, from their order alone: written from the
 * specification, without a line of the engine.
 */
export class RepairModel {
  readonly steps: Record<string, Expected>;
  /** Effects whose undo an operator has settled by hand: they stay as they are. */
  readonly settled = new Set<string>();
  /** Whether an operator asked for all to be undone. */
  wholly = false;
  /** The repairs that it took, in their order and in words: what a failure is read from. */
  readonly story: string[] = [];

  constructor(private readonly scenario: Repairs) {
    const begun = (): Expected => ({ epochs: ['begun'], end: 'finished', untouched: false });
    this.steps = Object.fromEntries(scenario.steps.map((_, i) => [stepId(i), begun()]));
  }

  /** A step and all that need it, however far. */
  from(toStep: string): string[] {
    const needs = (i: number): boolean => stepId(i) === toStep || this.scenario.steps[i]!.needs.some(needs);
    return this.scenario.steps.flatMap((_, i) => (needs(i) ? [stepId(i)] : []));
  }

  /** The steps that a rollback from an incident of `step` can go back to. */
  possible(step: string): string[] {
    return Object.keys(this.steps).filter((id) => this.from(id).includes(step));
  }

  /** The epoch whose effects stay where a step completes. */
  lasting(step: string): number {
    const { epochs } = this.steps[step]!;
    return epochs.at(-1) === 'by_hand' ? epochs.length - 1 : epochs.length;
  }

  /** The handoff has taken a repair of an incident. */
  take(incident: Incident, repair: Repair): void {
    const { id, kind, step, effect } = incident;
    this.story.push(`${JSON.stringify(repair)} of ${id} (${kind} ${effect ?? step ?? ''})`);
    if (repair.verb === 'rollback' && repair.toStep === undefined) this.wholly = true;
    else if (repair.verb === 'rollback') {
      for (const id of this.from(repair.toStep!)) {
        const here = id === repair.toStep;
        this.reopen(id, here ? 'back_to' : 'back', { end: 'finished', untouched: here });
      }
    } else if (incident.kind === 'undo') {
      if (repair.verb === 'resolve') this.settled.add(incident.effect!);
    } else if (repair.verb === 'retry') this.reopen(incident.step!, 'retry', { end: 'finished', untouched: false });
    else if (repair.verb === 'skip') this.reopen(incident.step!, 'skip', { end: 'skipped', untouched: true });
    else this.byHand(incident.step!);
  }

  /** Attempts at a step that has effects may still run, and are shut out. An offer has neither. */
  private byHand(id: string): void {
    const step = this.steps[id]!;
    const epochs: Why[] = this.isOffer(id) ? step.epochs : [...step.epochs, 'by_hand'];
    this.steps[id] = { ...step, epochs, end: 'by_hand' };
  }

  private isOffer(id: string): boolean {
    const { offerAt } = this.scenario;
    return offerAt !== undefined && stepId(offerAt) === id;
  }

  private reopen(id: string, why: Why, change: Omit<Expected, 'epochs'>): void {
    this.steps[id] = { epochs: [...this.steps[id]!.epochs, why], ...change };
  }
}
