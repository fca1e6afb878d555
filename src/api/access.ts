import type { FastifyRequest } from 'fastify';
import { HandoffError } from '../core/errors.js';
import type { Actor } from '../core/report/report.js';
import type { Party, Subject } from '../core/request.js';
import type { Act, Relation } from '../core/service/policy.js';
import { allow, may } from './auth.js';
import type { ApiDeps } from './deps.js';

export const isAdmin = ({ roles }: Actor): boolean => roles.includes('admin');

/** How an agent stands to a handoff between two. */
export function relationsTo(agent: string, { source, target }: { source?: Party; target?: Party }): Relation[] {
  const own: Relation[] = [
    ...(source?.agent === agent ? ['source' as const] : []),
    ...(target?.agent === agent ? ['target' as const] : []),
  ];
  return own.length > 0 ? [...own, 'party'] : [];
}

/**
 * Lets an act on a handoff pass. Throws FORBIDDEN; and HANDOFF_NOT_FOUND of one that who asks may not read, as of one
 * that is not there.
 */
export async function allowOn(deps: ApiDeps, request: FastifyRequest, act: Act, handoff: string): Promise<void> {
  const { actor } = request;
  if (isAdmin(actor)) return allow(request, act);
  const relations = relationsTo(actor.by, await partiesOf(deps, handoff));
  if (!may(request, 'handoff.read', { relations })) throw new HandoffError('HANDOFF_NOT_FOUND', { handoff });
  allow(request, act, { relations });
}

/** From the record; before there is one, from the run. Throws INVALID_ID, HANDOFF_NOT_FOUND, NO_WORKER. */
async function partiesOf({ storage, client }: ApiDeps, handoff: string): Promise<Partial<Subject>> {
  const stored = await storage.handoffs.find(handoff);
  return stored?.subject ?? (await client.status(handoff)).subject ?? {};
}

/** A message as its sender says it: in its own name, or, of an admin, in another's. Throws FORBIDDEN. */
export function spokenBy<M extends { by?: string | undefined }>(actor: Actor, message: M): M & { by: string } {
  const { by = actor.by } = message;
  if (by === actor.by || isAdmin(actor)) return { ...message, by };
  throw new HandoffError('FORBIDDEN', {
    actor: actor.by,
    act: `speak as ${by.slice(0, 100)}`,
    why: 'one of these roles is needed: admin',
  });
}
