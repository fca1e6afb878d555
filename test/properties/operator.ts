import type { HandoffError } from '../../src/core/errors.js';
import type { HandoffState, Incident } from '../../src/core/handoff.js';
import type { Rig } from '../rig/rig.js';
import { chance, type Repairs } from './random-repairs.js';
import type { Repair, RepairModel } from './repair-model.js';

export type Tally = Record<string, number>;
export const count = (tally: Tally, what: string, by = 1): void => void (tally[what] = (tally[what] ?? 0) + by);

/** Repairs after which the operator only wants to be done. */
const PATIENCE = 8;
const POLL_MS = 60;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A repair that must be refused, and with which code. */
interface Wrong {
  incidentId: string;
  repair: Repair;
  code: string;
}

/** Meets every incident of one handoff with a repair that chance chooses, and now and then with one that does not fit. */
export class Operator {
  private readonly random: () => number;
  private readonly met: string[] = [];
  readonly faults: string[] = [];

  constructor(
    private readonly rig: Rig,
    private readonly id: string,
    { luck }: Repairs,
    private readonly model: RepairModel,
    private readonly tally: Tally,
  ) {
    this.random = chance(luck);
  }

  /** Works until `over`. */
  async work(over: () => boolean): Promise<void> {
    while (!over()) {
      await sleep(POLL_MS);
      const incidents = (await this.state())?.incidents ?? [];
      const incident = incidents.length > 0 ? this.pick(incidents) : undefined;
      if (!incident) continue;
      await sleep(this.random() * 150);
      if (this.random() < 0.6) await this.tryWrong(this.wrong(incident));
      const repair = this.choose(incident);
      const code = await this.send(incident.id, repair);
      this.met.push(incident.id);
      if (code === undefined) {
        this.model.take(incident, repair);
        count(this.tally, this.nameOf(incident, repair));
      } else await this.mustBeGone(incident.id, code);
    }
  }

  /**
   * The state as the run has it. Until the first message is sent, as the database has it: a query beside a local activity
   * just before a message makes the SDK write a history that does not replay.
   */
  private async state(): Promise<HandoffState | undefined> {
    const stored = (await this.rig.storage.handoffs.find(this.id))?.state;
    if (this.met.length === 0 && !stored?.incidents.length) return stored;
    const status = await this.rig.client.status(this.id);
    return status.from === 'run' ? status.state : undefined;
  }

  private choose(incident: Incident): Repair {
    const x = this.random();
    if (this.model.story.length >= PATIENCE) return { verb: 'retry', healed: incident.kind === 'step' };
    if (x < 0.12) return { verb: 'rollback' };
    if (incident.kind === 'undo') return x < 0.7 ? { verb: 'retry', healed: false } : { verb: 'resolve' };
    if (x < 0.26) return { verb: 'retry', healed: false };
    if (x < 0.44) return { verb: 'retry', healed: true };
    if (x < 0.57) return { verb: 'skip' };
    if (x < 0.71) return { verb: 'resolve' };
    return { verb: 'rollback', toStep: this.pick(this.model.possible(incident.step!)) };
  }

  private wrong(incident: Incident): Wrong {
    const closed = this.pick(['inc-99', ...this.met]);
    const any: Repair = this.pick([
      { verb: 'retry', healed: false },
      { verb: 'skip' },
      { verb: 'resolve' },
      { verb: 'rollback' },
      { verb: 'rollback', toStep: 's0' },
    ]);
    if (this.random() < 0.4) return { incidentId: closed, repair: any, code: 'INCIDENT_NOT_OPEN' };
    if (incident.kind === 'undo') {
      const repair: Repair = this.random() < 0.5 ? { verb: 'skip' } : { verb: 'rollback', toStep: 's0' };
      return { incidentId: incident.id, repair, code: 'WRONG_INCIDENT' };
    }
    const possible = this.model.possible(incident.step!);
    const others = Object.keys(this.model.steps).filter((id) => !possible.includes(id));
    const toStep = this.pick(['nowhere', ...others, ...others]);
    return { incidentId: incident.id, repair: { verb: 'rollback', toStep }, code: 'INVALID_MESSAGE' };
  }

  private async tryWrong({ incidentId, repair, code }: Wrong): Promise<void> {
    const answer = await this.send(incidentId, repair);
    const what = `${repair.verb} of ${incidentId}`;
    if (answer === code) count(this.tally, code);
    else if (answer === undefined) this.faults.push(`${what} was taken, and ${code} expected`);
    else await this.mustBeGone(incidentId, answer, `${what}: ${code} was expected`);
  }

  /** A refusal is right where the incident is no longer open, as after a cancellation. */
  private async mustBeGone(incidentId: string, code: string, what = `a repair of ${incidentId}`): Promise<void> {
    const { state } = await this.rig.client.status(this.id);
    const open = state?.incidents.some((i) => i.id === incidentId) ?? false;
    if (open || !['INCIDENT_NOT_OPEN', 'WRONG_STATE'].includes(code)) this.faults.push(`${what}; refused by ${code}`);
  }

  /** The code with which it was refused. */
  private async send(incidentId: string, repair: Repair): Promise<string | undefined> {
    const { client } = this.rig;
    const message = { by: 'chance', reason: 'at random', incidentId };
    const sent: Record<Repair['verb'], () => Promise<unknown>> = {
      retry: () => {
        const healed = repair.verb === 'retry' && repair.healed;
        return client.retry(this.id, healed ? { ...message, input: { healed: true } } : message);
      },
      skip: () => client.skip(this.id, message),
      resolve: () => client.resolve(this.id, message),
      rollback: () => {
        const toStep = repair.verb === 'rollback' ? repair.toStep : undefined;
        return client.rollback(this.id, toStep === undefined ? message : { ...message, toStep });
      },
    };
    return sent[repair.verb]().then(
      () => undefined,
      (error: HandoffError) => error.code ?? error.message,
    );
  }

  private nameOf({ kind }: Incident, repair: Repair): string {
    if (kind === 'undo') return `undo ${repair.verb}`;
    if (repair.verb === 'retry') return repair.healed ? 'retry healed' : 'retry';
    return repair.verb === 'rollback' && repair.toStep ? 'rollback to a step' : repair.verb;
  }

  private pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }
}
