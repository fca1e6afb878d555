import { z } from 'zod';
import { collectMetrics } from '../../metrics/collect.js';
import { parseMetricsFilter } from '../../metrics/filter.js';
import { createPrometheus } from '../../metrics/prometheus.js';
import type { Routes } from '../deps.js';
import { METRICS_PATHS, sharedScrape } from '../metrics.js';
import { route } from '../route.js';

const TEXT = z.string().min(1).max(200).optional();
const SINCE = z
  .string()
  .max(200)
  .meta({
    pattern: String.raw`^(\d{1,4}[smhd]|(19[7-9]\d|[2-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])(T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ)?)$`,
  })
  .optional();

/** The numbers as JSON. */
export const metricsRoutes: Routes = (app, { client, storage }) => {
  app.get(
    '/metrics',
    route({
      summary: 'How many handoffs, how well and how long',
      details: '`since` and `until`: when they were started; a date, or a span such as `7d`.',
      tag: 'handoffs',
      act: 'dashboard.read',
      querystring: z.strictObject({ since: SINCE, until: SINCE, session: TEXT, procedure: TEXT, type: TEXT }),
      success: { 200: z.record(z.string(), z.unknown()) },
      problems: ['INVALID_REQUEST'],
    }),
    async ({ query }) => {
      const [numbers, server] = await Promise.all([
        collectMetrics(storage, parseMetricsFilter(query)),
        client.server(),
      ]);
      return { ...numbers, server };
    },
  );
};

/** The same for Prometheus, at the top. */
export const prometheusRoutes: Routes = (app, { client, storage }) => {
  const scrape = sharedScrape(createPrometheus({ storage, server: () => client.server() }));
  app.get(
    METRICS_PATHS.prometheus,
    route({
      summary: 'The numbers for Prometheus',
      tag: 'handoffs',
      act: 'dashboard.read',
      success: { 200: { content: { 'text/plain': { schema: z.string() } } } },
    }),
    async (_request, reply) => {
      const { type, text } = await scrape();
      return reply.type(type).send(text);
    },
  );
};
