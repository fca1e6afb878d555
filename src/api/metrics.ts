import type { IncomingMessage, ServerResponse } from 'node:http';
import { HandoffError } from '../core/errors.js';
import { parseMetricsFilter } from '../metrics/filter.js';
import type { HandoffMetrics, MetricsFilter } from '../metrics/metrics.js';

/** Where the metrics are. */
export const METRICS_PATHS = { prometheus: '/metrics', json: '/api/v1/agent-handoff/metrics' } as const;

export interface MetricsSources {
  metrics: (filter: MetricsFilter) => Promise<HandoffMetrics>;
  /** As {@link createPrometheus} makes it. */
  scrape: () => Promise<{ type: string; text: string }>;
}

type Scrape = MetricsSources['scrape'];

/** Scrapes that come together are one: a database that is slow today must not be asked by each of them. */
export function sharedScrape(scrape: Scrape): Scrape {
  let scraping: ReturnType<Scrape> | undefined;
  return () => (scraping ??= scrape().finally(() => (scraping = undefined)));
}

/** Answers what is asked of {@link METRICS_PATHS}, and says false of any other path, which is then still to be answered. */
export function metricsHandler({
  metrics,
  scrape,
}: MetricsSources): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
  const fields = ['since', 'until', 'session', 'procedure', 'type'];
  const shared = sharedScrape(scrape);
  return async (request, response) => {
    const [pathname = '', query] = (request.url ?? '').split('?', 2);
    const searchParams = new URLSearchParams(query);
    if (pathname !== METRICS_PATHS.prometheus && pathname !== METRICS_PATHS.json) return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const message = `${request.method ?? '?'} is not allowed; GET and HEAD are`;
      send(response, 405, JSON_TYPE, errorText('METHOD_NOT_ALLOWED', message), { allow: 'GET, HEAD' });
      return true;
    }
    try {
      if (pathname === METRICS_PATHS.prometheus) {
        const { type, text } = await shared();
        send(response, 200, type, text);
        return true;
      }
      const unknown = [...searchParams.keys()].find((key) => !fields.includes(key));
      const given = Object.fromEntries(searchParams);
      if (unknown !== undefined) given[unknown] = '';
      const answer = await metrics(parseMetricsFilter(given));
      send(response, 200, JSON_TYPE, `${JSON.stringify(answer)}\n`);
    } catch (error) {
      const known = error instanceof HandoffError;
      send(
        response,
        known ? error.http : 500,
        JSON_TYPE,
        errorText(known ? error.code : 'INTERNAL', (error as Error).message),
      );
    }
    return true;
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** An error as the API says it. */
export const errorText = (code: string, message: string): string => `${JSON.stringify({ error: { code, message } })}\n`;

/** Sends a whole answer; Node leaves the body out for HEAD. */
export function send(
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers });
  response.end(text);
}
