import { z } from 'zod';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { componentStatusSchema, dashboardSchema, statisticsSchema } from '../schemas/analytics.js';
import { reportsOf } from './reports-common.js';

const refreshQuery = z.strictObject({
  force_refresh: z.enum(['true', 'false']).optional().describe('Counts anew instead of answering what is kept'),
});
const forced = ({ force_refresh }: z.infer<typeof refreshQuery>): { forceRefresh: boolean } => ({
  forceRefresh: force_refresh === 'true',
});
const numbers = { tag: 'dashboard', act: 'dashboard.read', querystring: refreshQuery } as const;

/** Numbers about reports and handoffs. */
export const analyticsRoutes: Routes = (app, deps) => {
  app.get(
    '/dashboard',
    route({
      ...numbers,
      summary: 'All on one page: numbers, what is new, what waits',
      success: { 200: dashboardSchema },
    }),
    (request) => reportsOf(deps, request).dashboard(forced(request.query)),
  );
  app.get(
    '/statistics',
    route({ ...numbers, summary: 'Reports in numbers', success: { 200: statisticsSchema } }),
    (request) => reportsOf(deps, request).statistics(forced(request.query)),
  );
  app.get(
    '/components/status',
    route({ ...numbers, summary: 'Where the eight components stand', success: { 200: componentStatusSchema } }),
    (request) => reportsOf(deps, request).componentStatus(forced(request.query)),
  );
};
