import { startCountdown, stop, type Countdown } from './clock.js';
import { to, withIncident, withStep } from './changes.js';
import { acceptedStep, isPaused, type HandoffState } from './handoff.js';
import { begun, halted, withoutReturnIncidents } from './returns.js';

/** How the work changes hands: an offer, its acceptance, a lease that lapses, the next offer. */

const LEASE_OFFERS = 3;
const MINUTE = 60_000;

/** The step whose offer nobody has answered. */
const openOffer = ({ steps }: HandoffState): string | undefined =>
  Object.keys(steps).find((id) => steps[id]!.facts?.['offered'] === true && steps[id]!.status === 'running');

/** At the end an offer is over at once: it has no work in flight that would still end. */
export function withoutOffer(s: HandoffState): HandoffState {
  const confirm = openOffer(s);
  return confirm ? withStep(s, confirm, { status: 'waiting' }) : s;
}

/** `how` says what the target bound itself to. */
export function accepted(
  s: HandoffState,
  by: string,
  now: number,
  how: { auto?: true; leaseMinutes?: number },
): HandoffState {
  const confirm = openOffer(s);
  const done = confirm
    ? withStep(s, confirm, {
        status: 'finished',
        finishedAt: now,
        facts: { acceptedBy: by, epoch: s.acceptance.epoch },
      })
    : s;
  const lease = how.leaseMinutes === undefined ? undefined : startCountdown(how.leaseMinutes * MINUTE, now);
  const frozen = lease && isPaused(s) && s.clockWhilePaused === 'stop' ? stop(lease, now) : lease;
  return to(
    {
      ...done,
      ...begun(s, now),
      expiry: stop(s.expiry, now),
      lease: frozen,
      acceptance: { ...s.acceptance, by, at: now, ...how },
    },
    'accepted',
    now,
  );
}

/** Offers it again, or opens an incident once it lapsed too often. */
export function leaseLapsed(s: HandoffState, now: number): HandoffState {
  const lapses = s.acceptance.lapses + 1;
  const without = {
    ...s,
    ...halted(s),
    incidents: withoutReturnIncidents(s),
    lease: undefined,
    acceptance: { ...s.acceptance, lapses },
  };
  if (lapses > LEASE_OFFERS) {
    const message = `the lease of ${s.acceptance.by ?? 'the target'} lapsed ${lapses} times`;
    return withIncident(without, { kind: 'lease', error: { code: 'LEASE_LAPSED', message } }, now);
  }
  return offerAgain(without, now);
}

/** The whole span anew; it stands still where the run is paused. */
export function freshExpiry(s: HandoffState, now: number): Countdown {
  const expiry = startCountdown(s.expiryMs, now);
  return isPaused(s) && s.clockWhilePaused === 'stop' ? stop(expiry, now) : expiry;
}

export const nextOffer = ({ acceptance }: HandoffState, now: number): HandoffState['acceptance'] => ({
  ...acceptance,
  epoch: acceptance.epoch + 1,
  offeredAt: now,
  by: undefined,
  at: undefined,
  leaseMinutes: undefined,
});

/** What is shown of an offer that is not on record yet: the step is still at work. */
export const beforeOffer = (s: HandoffState): HandoffState => ({
  ...s,
  status: 'running',
  acceptance: { ...s.acceptance, epoch: s.acceptance.epoch - 1 },
});

/** The confirmed step is open again, at the next epoch. */
export function offerAgain(s: HandoffState, now: number): HandoffState {
  const confirm = acceptedStep(s);
  const reopened = confirm
    ? withStep(s, confirm, { status: 'running', facts: { offered: true }, finishedAt: undefined })
    : s;
  return to({ ...reopened, acceptance: nextOffer(s, now), expiry: freshExpiry(s, now) }, 'awaiting_acceptance', now);
}
