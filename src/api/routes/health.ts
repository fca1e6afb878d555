import { z } from 'zod';
import type { Routes } from '../deps.js';

/** Whether the process is up. */
export const healthRoutes: Routes = (app) => {
  app.get(
    '/health',
    { config: { public: true }, schema: { response: { 200: z.object({ status: z.literal('ok') }) } } },
    () => ({ status: 'ok' as const }),
  );
};
