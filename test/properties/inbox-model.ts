import type { Priority } from '../../src/core/request.js';

/** A handoff as an inbox sees it, in minutes. Knows nothing of the engine. */
export interface Offered {
  id: string;
  agent: string;
  priority: Priority;
  state: 'offered' | 'accepted' | 'closed';
  epoch: number;
  /** The whole time to accept, and what is left of it. */
  span: number;
  left: number;
  /** What is left of the lease. */
  lease?: number | undefined;
  lapses: number;
  paused: boolean;
}

export interface Line {
  id: string;
  epoch: number;
  paused: boolean;
  left: number;
}

const URGENCY: readonly Priority[] = ['immediate', 'normal', 'background'];
/** After the fourth lapse a person decides. */
const LAPSES = 3;

/** What the inboxes of several agents should be, whatever happens. Handoffs stand in the order in which they began. */
export class InboxModel {
  readonly all: Offered[] = [];

  offer(id: string, agent: string, priority: Priority, span: number): void {
    this.all.push({ id, agent, priority, state: 'offered', epoch: 1, span, left: span, lapses: 0, paused: false });
  }

  accept(h: Offered, lease: number | undefined): void {
    Object.assign(h, { state: 'accepted', lease });
  }

  close(h: Offered): void {
    h.state = 'closed';
  }

  /** Lets time pass; the handoffs that are offered again. */
  pass(minutes: number): Offered[] {
    const before = new Map(this.all.map((h) => [h.id, h.epoch]));
    for (const h of this.all) if (!h.paused) age(h, minutes);
    return this.all.filter((h) => h.state === 'offered' && h.epoch !== before.get(h.id));
  }

  inbox(agent: string): Line[] {
    return this.all
      .filter((h) => h.agent === agent && h.state === 'offered')
      .toSorted((a, b) => URGENCY.indexOf(a.priority) - URGENCY.indexOf(b.priority))
      .map(({ id, epoch, paused, left }) => ({ id, epoch, paused, left }));
  }
}

function age(h: Offered, minutes: number): void {
  if (h.state === 'offered') {
    h.left -= minutes;
    if (h.left < 0) h.state = 'closed';
  } else if (h.state === 'accepted' && h.lease !== undefined) {
    h.lease -= minutes;
    if (h.lease > 0) return;
    const rest = -h.lease;
    h.lease = undefined;
    if (++h.lapses > LAPSES) return;
    Object.assign(h, { state: 'offered', epoch: h.epoch + 1, left: h.span });
    age(h, rest);
  }
}
