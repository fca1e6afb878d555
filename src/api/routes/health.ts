import { z } from 'zod';
import type { Routes } from '../deps.js';
import { healthOf } from '../health.js';
import { route } from '../route.js';

const PART = z.object({ status: z.enum(['ok', 'down']), detail: z.string().optional() });
const HEALTH = z.object({
  status: z.enum(['ok', 'unavailable']),
  parts: z.object({ temporal: PART, workers: PART, database: PART }),
});

/** Whether the process is up, and whether all that it needs is. */
export const healthRoutes: Routes = (app, deps) => {
  const health = healthOf(deps);
  const spec = { tag: 'health', public: true, unlimited: true, success: { 200: HEALTH, 503: HEALTH } } as const;
  const answer = async (): Promise<{ status: 200 | 503; body: z.infer<typeof HEALTH> }> => {
    const body = await health();
    return { status: body.status === 'ok' ? 200 : 503, body };
  };
  app.get(
    '/health/live',
    route({
      summary: 'Whether the process is up',
      tag: 'health',
      public: true,
      unlimited: true,
      success: { 200: z.object({ status: z.literal('ok') }) },
    }),
    () => ({ status: 'ok' as const }),
  );
  for (const path of ['/health', '/health/ready'] as const) {
    const summary = path === '/health' ? 'How all parts are' : 'Whether all that it needs is up';
    const details = 'Temporal, a worker that polls the task queue, and the database; 503 where one of them is down.';
    app.get(path, route({ ...spec, summary, details }), async (_request, reply) => {
      const { status, body } = await answer();
      return reply.code(status).header('cache-control', 'no-store').send(body);
    });
  }
};
