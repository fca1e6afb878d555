import { z } from 'zod';
import { markSeen } from '../../client/events/attention.js';
import { waitingFor } from '../../client/events/waiting.js';
import type { Caller, Routes } from '../deps.js';
import { route } from '../route.js';

const WAITING = z.object({
  subject: z.string().describe('`handoff/<id>` or `report/<id>`.'),
  whom: z.array(z.string()).describe('`agent:<name>` or `role:<role>`; each of them may do it.'),
  since: z.iso.datetime(),
  words: z.string(),
  todo: z.array(z.object({ verb: z.string(), endpoint: z.string(), means: z.string() })),
  seen: z.boolean().describe('Whether it was marked as seen: nobody is told of it again.'),
});

const listenerOf = ({ by, roles }: Caller): { agent: string; roles: readonly string[] } => ({ agent: by, roles });

/** What waits for who asks. */
export const waitingRoutes: Routes = (app, { storage, settings }) => {
  const common = { tag: 'events', act: 'event.read' } as const;
  app.get(
    '/waiting',
    route({
      ...common,
      summary: 'What waits for you, the longest first',
      details: 'For you by name, and for the roles that your key has.',
      success: { 200: z.object({ waiting: z.array(WAITING) }) },
    }),
    async ({ actor }) => ({ waiting: await waitingFor(storage, listenerOf(actor)) }),
  );
  app.post(
    '/waiting/seen',
    route({
      ...common,
      summary: 'You have seen what waits for you at a subject: you are not told of it again',
      body: z.strictObject({ subject: z.string().min(1).max(200) }),
      success: { 200: z.object({ seen: z.number().int().describe('How many things that were.') }) },
    }),
    async ({ actor, body }) => ({
      seen: await markSeen(storage, listenerOf(actor), body.subject, settings.reminderMinutes),
    }),
  );
};
