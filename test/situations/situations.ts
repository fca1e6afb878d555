import type { Stage } from './stage.js';

const TARGET = '@editor';

/** How each of the ten situations comes about, from a clean start; it stands when the promise resolves. */
export const SITUATIONS = {
  running: async (stage: Stage, id: string) => {
    await stage.start(id, 'LIVE_REPORT', { seconds: 600 });
    await stage.until(id, (s) => s.state?.steps['render']?.status === 'running');
  },
  paused: async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT');
    await stage.untilShown(id, 'awaiting_acceptance');
    await stage.client.pause(id, { by: 'anna', reason: 'the printer is in use until noon' });
    await stage.untilShown(id, 'paused');
  },
  draining: async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT', { seconds: 20 });
    await stage.until(id, (s) => s.state?.steps['render']?.status === 'running');
    await stage.client.pause(id, { by: 'anna', reason: 'stock-taking' });
    await stage.untilShown(id, 'draining');
  },
  'waiting-for-acceptance': async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT');
    await stage.untilShown(id, 'awaiting_acceptance');
  },
  'step-retrying': async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT', { failures: 2 });
    await stage.until(id, (s) => s.state?.steps['render']?.status === 'running');
  },
  'incident-at-a-step': async (stage: Stage, id: string) => {
    await stage.start(id, 'WEEKLY_REPORT', { failures: 99 });
    await stage.untilShown(id, 'incident');
  },
  'incident-at-an-undo': async (stage: Stage, id: string) => {
    await stage.client.sessions.set(id, 'figures', { rows: 1 }, 'setup');
    await stage.start(id, 'WEEKLY_REPORT');
    await stage.untilShown(id, 'awaiting_acceptance');
    await stage.client.sessions.set(id, 'figures', { rows: 99 }, 'somebody else');
    await stage.client.reject(id, { by: TARGET, reason: 'the figures are old' });
    await stage.untilShown(id, 'incident');
  },
  compensating: async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT', { undo_seconds: 15 });
    await stage.untilShown(id, 'awaiting_acceptance');
    await stage.client.reject(id, { by: TARGET, reason: 'the figures are old' });
    await stage.untilShown(id, 'compensating');
  },
  expired: async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT', {}, { expiresInMinutes: 0.05 });
    await stage.untilShown(id, 'expired');
  },
  completed: async (stage: Stage, id: string) => {
    await stage.start(id, 'NIGHTLY_REPORT', {}, { acceptance: 'auto' });
    await stage.untilShown(id, 'completed');
  },
} satisfies Record<string, (stage: Stage, id: string) => Promise<void>>;

export type Situation = keyof typeof SITUATIONS;
