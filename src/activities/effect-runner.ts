import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';
import type { EffectKind } from '../core/effect.js';
import { printable } from '../core/ids.js';
import type { StepTask } from '../core/task.js';
import type { Ledger } from '../storage/ledger.js';
import type { StepRef } from '../storage/steps.js';
import { actionKind, refOf, stillOpen, type ActionContext, type Deps } from './action.js';
import { boundary, failpoint } from '../faults/failpoint.js';
import { throwIfInterrupted } from './wrapper.js';

/** How long an effect is taken for at a time; renewed while it runs. Shorter than the heartbeat time-out. */
const CLAIM_MS = 3000;
const POLL_MS = 200;
/** An effect's name is part of its key. */
const EFFECT_NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** Whose effects they are, and what they are called in the ledger. */
interface EffectOwner {
  ref: StepRef;
  kind: EffectKind;
  irreversible: boolean;
}

/** `ctx.effect` for users' actions. */
export function effectRunner(deps: Deps, task: StepTask, signal: AbortSignal): ActionContext['effect'] {
  return runEffect(
    deps,
    { ref: refOf(task), kind: actionKind(task.action), irreversible: task.irreversible },
    signal,
    async () => {},
  );
}

/**
 * Attempts may overlap, as when one runs on past its time-out: the second waits while the first still holds its claim,
 * and then finds the row applied, or the first dead. `check` is asked last before an effect is made.
 */
export function runEffect(
  deps: Deps,
  { ref, kind, irreversible }: EffectOwner,
  signal: AbortSignal,
  check: () => Promise<void>,
): ActionContext['effect'] {
  const { ledger } = deps.storage;
  const named = new Set<string>();
  return async (name, undoData, act) => {
    const fault = !EFFECT_NAME.test(name)
      ? `it must match ${EFFECT_NAME.source}`
      : named.has(name)
        ? 'this step has one of that name'
        : undefined;
    if (fault) throw new HandoffError('INVALID_ID', { what: 'Effect', id: printable(name), why: fault });
    named.add(name);
    const resource = `${kind}:${ref.handoff}/${name}`;
    const intent = { effect: name, kind, resource, data: undoData, irreversible };
    const [effect] = await ledger.intend(ref, [intent], stillOpen(deps));
    await failpoint('effect.after_intent');
    const { key } = effect!;
    if (effect!.status === 'applied') return effect!.result ?? {};
    return whileClaimed(ledger, key, signal, async () => {
      const known = await ledger.find(key);
      if (known?.status === 'applied') return known.result ?? {};
      if (known?.status === 'undone')
        throw new HandoffError('STALE_EPOCH', { step: ref.step, epoch: ref.epoch, current: ref.epoch + 1 });
      await check();
      await failpoint('effect.before_act');
      const result = (await act(key)) ?? {};
      await failpoint('effect.after_act');
      await boundary('step.acted', ref.step);
      const applied = await ledger.apply(ref, key, () => result);
      await failpoint('effect.after_apply');
      return applied;
    });
  };
}

/** Runs `work` while nobody else, attempt or undo, works on the same effect; waits for whoever does. */
export async function whileClaimed<T>(
  ledger: Ledger,
  key: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const owner = randomUUID();
  while (!(await ledger.claim(key, owner, CLAIM_MS))) {
    throwIfInterrupted(signal);
    await sleep(POLL_MS);
  }
  const renewal = setInterval(() => void ledger.claim(key, owner, CLAIM_MS).catch(() => undefined), CLAIM_MS / 3);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
    await ledger.release(key, owner);
  }
}
