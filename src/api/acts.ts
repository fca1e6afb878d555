import type { FastifyRequest } from 'fastify';
import { appendAudit } from '../storage/audit/log.js';
import type { Storage } from '../storage/storage.js';
import type { Api } from './deps.js';

/** Acts whose change does not put itself on record: what reports, keys and webhooks do is in the transaction that does it. */
const NAMED = /^(handoff|registry)\./;
const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Puts what was done over HTTP to handoffs and registries on the audit log, before it is answered: who has an answer is on
 * record. A process that dies between the act and its row leaves the act to the handoff's own history, which names who did it.
 */
export function recordActs(app: Api, storage: Storage): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const { config, url: route = '' } = request.routeOptions;
    const { spec } = config;
    const isDone = reply.statusCode < 300 && !reply.hasHeader('idempotency-replayed');
    if (!isDone || !spec?.act || spec.looks || READS.includes(request.method) || !NAMED.test(spec.act)) return;
    const { by: actor, from } = request.actor;
    const entry = {
      at: Date.now(),
      actor,
      act: spec.act,
      subject: subjectOf(request, payload),
      outcome: 'done',
    } as const;
    const what = { data: { request: `${request.method} ${route}` }, ...(from === undefined ? {} : { from }) };
    await storage.db.transaction().execute((trx) => appendAudit(trx, { ...entry, ...what }));
  });
}

/** The handoff that the path names, or that was started; else the path. */
function subjectOf(request: FastifyRequest, payload: unknown): string {
  const { handoff_id: named } = (request.params ?? {}) as { handoff_id?: string };
  if (named !== undefined) return `handoff/${named}`;
  if (request.routeOptions.url?.endsWith('/handoffs') && typeof payload === 'string') {
    const { handoffId } = JSON.parse(payload) as { handoffId?: string };
    if (handoffId !== undefined) return `handoff/${handoffId}`;
  }
  return request.url.split('?', 1)[0]!.slice(0, 200);
}
