import { z } from 'zod';
import type { BulkOptions, BulkResult, BulkTarget } from '../../client/bulk.js';
import { invalid } from '../../core/errors.js';
import { HANDOFF_ID } from '../../core/ids.js';
import { spokenBy } from '../access.js';
import type { Routes } from '../deps.js';
import { problemOf, type Problem } from '../errors.js';
import { route } from '../route.js';
import { filterBody } from '../shapes/handoffs.js';
import { cancelMessage, pauseMessage, resumeMessage, retryAllMessage } from '../shapes/messages.js';

const id = z.string().meta({ pattern: HANDOFF_ID.source });
const target = {
  filter: filterBody.optional().describe('Open handoffs only, as they are at this moment.'),
  handoffIds: z.array(id).max(10_000).optional().describe('In place of a filter.'),
  all: z.boolean().optional().describe('Needed with a filter that leaves nothing out.'),
};
const pace = {
  rate: z.number().gt(0).max(1000).optional().describe('Handoffs a second. Default 50.'),
  concurrency: z.number().gt(0).max(200).optional().describe('Handoffs at a time. Default 20.'),
};
const preview = z.object({ count: z.int(), handoffIds: z.array(z.string()) });
const count = z.int().min(0);
const done = z.object({
  matched: count,
  done: count,
  sent: count,
  refused: count,
  failed: count,
  left: count,
  results: z.array(
    z.object({
      handoffId: z.string(),
      result: z.enum(['done', 'sent', 'refused', 'failed']),
      incidents: z.array(z.string()).optional(),
      error: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
    }),
  ),
});

const MESSAGES = {
  pause: { message: pauseMessage, summary: 'Pause all that match' },
  resume: { message: resumeMessage, summary: 'Let all go on that match' },
  cancel: { message: cancelMessage, summary: 'Undo and close all that match' },
  retry: { message: retryAllMessage, summary: 'Try every open incident of all that match again' },
} as const;

interface Given {
  filter?: BulkTarget | undefined;
  handoffIds?: string[] | undefined;
}

/** The same message to many handoffs, for admins. */
export const bulkRoutes: Routes = (app, { client }) => {
  const common = {
    tag: 'handoffs',
    act: 'handoff.bulk',
    problems: ['INVALID_REQUEST', 'INVALID_ID', 'NO_WORKER'],
  } as const;
  app.post(
    '/bulk/preview',
    route({
      ...common,
      summary: 'Who a bulk verb would reach; sends nothing',
      looks: true,
      body: z.strictObject(target),
      success: { 200: preview },
    }),
    ({ body }) => client.bulk.preview(meant(body), { all: body.all }),
  );
  for (const [name, { message, summary }] of Object.entries(MESSAGES)) {
    const verb = name as keyof typeof MESSAGES;
    const body = z.strictObject({ ...target, ...pace, message: message as z.ZodType<{ by?: string }> });
    app.post(
      `/bulk/${verb}`,
      route({
        ...common,
        summary,
        details: 'Answers once all were sent, each with what became of it.',
        body,
        success: { 200: done },
      }),
      async ({ actor, body: given }) => {
        const results: z.infer<typeof done>['results'] = [];
        const { all, rate, concurrency } = given;
        const options: BulkOptions = { all, rate, concurrency, onResult: (r) => results.push(shown(r)) };
        const summed = await client.bulk[verb](meant(given), spokenBy(actor, given.message) as never, options);
        return { ...summed, results };
      },
    );
  }
};

function meant({ filter, handoffIds }: Given): BulkTarget {
  const found = handoffIds ?? filter;
  if (found !== undefined && (handoffIds === undefined || filter === undefined)) return found;
  throw invalid('INVALID_INPUT', [{ path: '/filter', message: 'give filter or handoffIds, one of the two' }]);
}

const shown = ({
  error,
  ...result
}: BulkResult): Omit<BulkResult, 'error'> & { error?: Problem & Record<string, unknown> } =>
  error ? { ...result, error: { ...problemOf(error) } } : result;
