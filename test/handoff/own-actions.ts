import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Action, ActionContext } from '../../src/activities/action.js';
import type { HandoffError } from '../../src/core/errors.js';
import type { Procedure, Step } from '../../src/core/procedure.js';

/** Something that a test opens, and an action waits for. */
export class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

/**
 * A worker's own actions, told by a step's `with` how to behave: `fail: n` (the first n attempts of an epoch fail),
 * `after_effect` (they fail once the effect is made), `gate` (wait for that gate).
 */
export class OwnActions {
  /** Every attempt, as `handoff/step`, in the order in which they began. */
  readonly calls: string[] = [];
  readonly seen: Record<string, unknown>[] = [];
  /** What could not be taken back. */
  readonly sent: string[] = [];
  readonly undone: string[] = [];
  /** Attempts whose effect the ledger refused: `handoff/step CODE`. */
  readonly refused: string[] = [];
  readonly gates = new Map<string, Gate>();

  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  attempts(handoff: string, step: string): number {
    return this.calls.filter((c) => c === `${handoff}/${step}`).length;
  }

  /** The notes of a handoff that are there now, by step. */
  notes(handoff: string): Record<string, string> {
    const folder = path.join(this.folder, handoff);
    if (!existsSync(folder)) return {};
    return Object.fromEntries(readdirSync(folder).map((f) => [f, readFileSync(path.join(folder, f), 'utf8')]));
  }

  private async behave({ task }: ActionContext, made: boolean): Promise<void> {
    const { fail, gate, after_effect: after } = task.with as { fail?: number; gate?: string; after_effect?: boolean };
    if (gate && !made) await this.gates.get(gate)!.opened;
    const attempts = this.attempts(task.subject.handoffId, task.step);
    if (fail !== undefined && attempts <= fail && Boolean(after) === made)
      throw new Error(`told to fail (${attempts})`);
  }

  private begin({ task }: ActionContext): void {
    this.calls.push(`${task.subject.handoffId}/${task.step}`);
    this.seen.push(task.with);
  }

  readonly actions: Action[] = [
    {
      name: 'write_note',
      run: async (context) => {
        this.begin(context);
        await this.behave(context, false);
        const { subject, step } = context.task;
        const file = path.join(this.folder, subject.handoffId, step);
        const write = (key: string): Promise<{ key: string }> => {
          mkdirSync(path.dirname(file), { recursive: true });
          writeFileSync(file, key);
          return Promise.resolve({ key });
        };
        const result = await context.effect('note', { file }, write).catch((error: HandoffError) => {
          this.refused.push(`${subject.handoffId}/${step} ${error.code}`);
          throw error;
        });
        await this.behave(context, true);
        return result;
      },
      undo: (effect) => {
        this.undone.push(effect.key);
        rmSync(String(effect.data['file']), { force: true });
        return Promise.resolve();
      },
    },
    {
      name: 'send_mail',
      run: async (context) => {
        this.begin(context);
        await context.effect('mail', {}, (key) => {
          this.sent.push(key);
          return Promise.resolve();
        });
      },
    },
  ];
}

/** A step that writes a note; it is undone by the rollback that {@link procedure} makes. */
export const note = (step_id: string, over: Partial<Step> = {}): Step => ({
  step_id,
  name: `Note ${step_id}`,
  action: 'write_note',
  compensation: 'take_back',
  retry: { maximum_attempts: 3, initial_interval: 0.02 },
  ...over,
});

export function procedure(procedure_id: string, steps: Step[], over: Partial<Procedure> = {}): Procedure {
  const undone = steps.filter((s) => s.compensation === 'take_back').map((s) => s.step_id);
  return {
    procedure_id,
    version: '1.0.0',
    name: `Procedure ${procedure_id}`,
    steps,
    ...(undone.length > 0
      ? { rollback_procedures: [{ rollback_id: 'take_back', name: 'Take back', steps: undone }] }
      : {}),
    ...over,
  };
}
