import { z } from 'zod';
import { parseMetricsFilter } from '../../metrics/filter.js';
import type { HandoffMetrics } from '../../metrics/metrics.js';
import { createPrometheus } from '../../metrics/prometheus.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { answer } from '../shapes/parameters.js';

const text = z.string().min(1).max(1000).optional();
const common = { tag: 'dashboard', act: 'dashboard.read' } as const;

/** All numbers as JSON. */
export const metricsRoutes: Routes = (app, { client }) => {
  app.get(
    '/metrics',
    route({
      ...common,
      summary: 'Numbers about handoffs, validations, pipelines and task queues',
      querystring: z.strictObject({
        since: text.describe('A date (ISO 8601), or a span such as 7d.'),
        until: text,
        session: text,
        procedure: text,
        type: text,
      }),
      success: { 200: answer<HandoffMetrics>(z.looseObject({})) },
      problems: ['INVALID_REQUEST'],
    }),
    ({ query }) => client.metrics(parseMetricsFilter(query)),
  );
};

/** The same for Prometheus, at the root. */
export const prometheusRoutes: Routes = (app, { client, storage }) => {
  const scrape = createPrometheus({ storage, server: () => client.server() });
  // Scrapes that come together are one: a database that is slow today must not be asked by each of them.
  let scraping: ReturnType<typeof scrape> | undefined;
  app.get(
    '/metrics',
    route({
      ...common,
      summary: 'The same for Prometheus, which sends a key as `bearer_token`',
      success: { 200: { content: { 'text/plain': { schema: z.string() } } } },
    }),
    async (_request, reply) => {
      scraping ??= scrape().finally(() => (scraping = undefined));
      const { type, text: samples } = await scraping;
      return reply.type(type).send(samples);
    },
  );
};
