import { z } from 'zod';
import type { RunStatus } from '../../client/runs.js';
import { HandoffError } from '../../core/errors.js';
import type { HandoffOutcome } from '../../core/handoff.js';
import { allowOn } from '../access.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import * as shapes from '../shapes/handoffs.js';
import { handoffId, whole } from '../shapes/parameters.js';

const common = { tag: 'handoffs', act: 'handoff.read', params: handoffId } as const;
const problems = ['INVALID_ID', 'HANDOFF_NOT_FOUND', 'NO_WORKER', 'QUERY_TOO_EARLY'] as const;
/** Even who does not want to wait gives the server the time to say that it is over. Milliseconds. */
const MOMENT_MS = 500;

/** One handoff, as its parties and admins see it. */
export const handoffReadRoutes: Routes = (app, deps) => {
  const { client } = deps;
  const closing = new AbortController();
  app.addHook('preClose', (done) => {
    closing.abort();
    done();
  });
  const read = <A extends z.ZodType>(summary: string, answer: A) =>
    route({ ...common, summary, success: { 200: answer }, problems: [...problems, 'CONTENT_MISSING'] });
  app.get('/handoffs/:handoff_id', read('What a handoff is doing now', shapes.status), async (request) => {
    const { handoff_id: id } = request.params;
    await allowOn(deps, request, 'handoff.read', id);
    return client.status(id);
  });
  app.get('/handoffs/:handoff_id/progress', read('Per cent done', shapes.progress), async (request) => {
    const { handoff_id: id } = request.params;
    await allowOn(deps, request, 'handoff.read', id);
    return client.progress(id);
  });
  app.get('/handoffs/:handoff_id/effects', read('What it changed, oldest first', shapes.effects), async (request) => {
    const { handoff_id: id } = request.params;
    await allowOn(deps, request, 'handoff.read', id);
    // What is not there has none either; but that is another answer.
    await client.status(id);
    return { effects: await client.effects(id) };
  });
  app.get('/handoffs/:handoff_id/document', read('The document that it carries', shapes.carried), async (request) => {
    const { handoff_id: id } = request.params;
    await allowOn(deps, request, 'handoff.read', id);
    return (await client.document(id)).toJSON();
  });
  app.get(
    '/handoffs/:handoff_id/result',
    route({
      ...common,
      summary: 'The outcome; while it is open, 202 with its status once the time is over',
      querystring: z.strictObject({ wait_seconds: whole(0, 60).optional() }),
      success: { 200: shapes.outcome, 202: shapes.status },
      problems: [...problems, 'HANDOFF_TERMINATED'],
    }),
    async (request, reply): Promise<HandoffOutcome | RunStatus> => {
      const { handoff_id: id } = request.params;
      await allowOn(deps, request, 'handoff.read', id);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const time = AbortSignal.timeout(Math.max((request.query.wait_seconds ?? 0) * 1000, MOMENT_MS));
      const signal = AbortSignal.any([time, gone.signal, closing.signal]);
      try {
        return await client.result(id, { signal });
      } catch (error) {
        if (!(signal.aborted && error instanceof HandoffError && error.code === 'DEADLINE_EXCEEDED')) throw error;
        void reply.code(202);
        return client.status(id);
      }
    },
  );
};
