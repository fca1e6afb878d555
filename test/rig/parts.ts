import { randomUUID } from 'node:crypto';
import type { Action } from '../../src/activities/action.js';
import { HandoffError } from '../../src/core/errors.js';
import type { Procedure } from '../../src/core/procedure.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { AGENTS, type Rig, type RigOptions } from './rig.js';

const rollback_procedures = [{ rollback_id: 'back', name: 'Back', steps: ['work'] }];
const work = { step_id: 'work', name: 'Work', action: 'work' };
const ask = { step_id: 'ask', name: 'Ask', action: 'confirm' };
const base = { version: '1.0.0', rollback_procedures };

/** Procedures of one effect that a test holds and fails as it likes: with a confirmation after it, and without. */
const PROCEDURES: Procedure[] = [
  { ...base, procedure_id: 'WORK_AND_ASK', name: 'Work and ask', steps: [work, ask] },
  { ...base, procedure_id: 'WORK_ONLY', name: 'Work only', steps: [work] },
  { ...base, procedure_id: 'WORK_OR_HOLD', name: 'Work or hold', steps: [work, ask], on_failure: 'hold' },
];

/** The moments at which the one action of {@link PROCEDURES} can be held or made to fail. */
type Moment = 'act' | 'undo';

/** A worker's parts that tests steer from within the same process. */
export class Parts {
  private readonly held = new Map<string, { opened: Promise<void>; open: () => void }>();
  private readonly failing = new Set<string>();
  /** `act h-1`, `undo h-1`: what really happened, in order. */
  readonly happened: string[] = [];

  /** What a rig needs to have these parts. */
  get options(): Pick<RigOptions, 'procedures' | 'actions'> {
    return { procedures: PROCEDURES, actions: [this.action] };
  }

  /** From now on that moment of a handoff waits until it is opened. */
  hold(id: string, moment: Moment): void {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.held.set(`${moment} ${id}`, { opened, open });
  }

  open(id: string, moment: Moment): void {
    this.held.get(`${moment} ${id}`)?.open();
  }

  openAll(): void {
    for (const { open } of this.held.values()) open();
  }

  fail(id: string, moment: Moment): void {
    this.failing.add(`${moment} ${id}`);
  }

  mend(id: string, moment: Moment): void {
    this.failing.delete(`${moment} ${id}`);
  }

  private async pass(id: string, moment: Moment): Promise<void> {
    const key = `${moment} ${id}`;
    await this.held.get(key)?.opened;
    if (this.failing.has(key)) throw new HandoffError('STATE_CONFLICT', { resource: key, expected: 'a', found: 'b' });
    this.happened.push(key);
  }

  private readonly action: Action = {
    name: 'work',
    run: (context) => context.effect('it', {}, () => this.pass(context.task.subject.handoffId, 'act')),
    undo: (effect) => this.pass(effect.handoff, 'undo'),
  };
}

/** Starts one of {@link PROCEDURES}; nothing is handed over but the name. */
export async function startWork(
  rig: Rig,
  procedure: 'WORK_AND_ASK' | 'WORK_ONLY' | 'WORK_OR_HOLD',
  over: Partial<HandoffRequest> = {},
): Promise<string> {
  const handoffId = over.handoffId ?? newId();
  await rig.client.start({
    procedure,
    source: { agent: AGENTS.source },
    target: { agent: AGENTS.target },
    ...over,
    handoffId,
  });
  rig.started.add(handoffId);
  return handoffId;
}

export const newId = (): string => `h-${randomUUID().slice(0, 8)}`;
