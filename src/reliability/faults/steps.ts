import { firings } from '../../faults/fired.js';
import { parseSettings } from '../../faults/setting.js';
import type { Fault } from '../fault.js';
import { heldUntil } from './hold.js';

/** How long a fault waits for handoffs to come by. */
const WAIT_MS = 10_000;
/** A step's time-out, and a little more. */
const OVER_MS = 75_000;

/**
 * A fault that all workers meet at failpoints, beside those that they have anyway, until it has struck `times` times, and
 * whatever hangs by it has ended.
 */
export function byFailpoint(of: { name: string; about: string; failpoints: string; times?: number }): Fault {
  const { failpoints, times = 3, ...named } = of;
  const set = parseSettings(failpoints);
  return {
    ...named,
    strike: async (stack) => {
      const known = stack.failpoints();
      const began = firings(stack.failpointLog).length;
      const since = (fault: (text: string) => boolean): number =>
        firings(stack.failpointLog)
          .slice(began)
          .filter((f) => set.some(({ point }) => f.point === point) && fault(f.fault)).length;
      const isOurs = (text: string): boolean => set.some((s) => s.text === text);
      await stack.rearm([known, failpoints].filter(Boolean).join(','));
      await heldUntil(WAIT_MS, () => since(isOurs) >= times);
      await stack.rearm(known);
      if (set.some(({ fault }) => fault.kind === 'hang'))
        await heldUntil(OVER_MS, () => since((text) => text === 'over') >= since(isOurs));
      const struck = since(isOurs);
      return { fired: struck > 0, what: `${failpoints}: struck ${struck} times` };
    },
  };
}

export const activity_error: Fault = byFailpoint({
  name: 'activity_error',
  about: 'one in ten attempts of a step fails, and is retried',
  failpoints: 'step.dispatched=fail%0.1',
});

export const activity_refused: Fault = byFailpoint({
  name: 'activity_refused',
  about: 'steps are refused in a way that no retry mends, so that their handoffs are undone',
  // One that is refused with the registration is asked once more, as a regular activity.
  failpoints: 'step.dispatched=refuse%0.5',
  times: 6,
});

export const activity_timeout: Fault = byFailpoint({
  name: 'activity_timeout',
  about: 'an attempt of a step never comes back, and its time-out ends it',
  failpoints: 'step.dispatched=hang@1',
  times: 1,
});

export const activity_slow: Fault = byFailpoint({
  name: 'activity_slow',
  about: 'every other attempt of a step takes longer',
  failpoints: 'step.dispatched=delay:400%0.5',
});
