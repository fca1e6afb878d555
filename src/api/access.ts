import { HandoffError } from '../core/errors.js';
import type { Actor } from '../core/report/report.js';
import type { Party, Subject } from '../core/request.js';
import { POLICY, refuseAct, type Act, type Permission, type Relation } from '../core/service/policy.js';
import type { ApiDeps } from './deps.js';

export const isAdmin = ({ roles }: Actor): boolean => roles.includes('admin');

const NEEDED: Record<Relation, string> = {
  owner: 'who owns it',
  not_owner: 'who does not own it',
  source: 'its source agent',
  target: 'its target agent',
  party: 'its source or target agent',
  self: 'the agent itself',
};

/** Throws FORBIDDEN, which says who may. */
export function permit(actor: Actor, act: Act, relations: readonly Relation[] = []): void {
  if (refuseAct(act, actor.roles, { relations }) === undefined) return;
  const may = (POLICY[act] as readonly Permission[]).map(({ roles, relation }) =>
    relation ? NEEDED[relation] : `the role ${roles.join(' or ')}`,
  );
  throw new HandoffError('FORBIDDEN', { actor: actor.by, act, why: `it needs ${may.join(', or ')}` });
}

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
export async function permitOn(deps: ApiDeps, actor: Actor, act: Act, handoff: string): Promise<void> {
  if (isAdmin(actor)) return permit(actor, act);
  const relations = relationsTo(actor.by, await partiesOf(deps, handoff));
  if (refuseAct('handoff.read', actor.roles, { relations })) throw new HandoffError('HANDOFF_NOT_FOUND', { handoff });
  permit(actor, act, relations);
}

/** From the record; before there is one, from the run. Throws HANDOFF_NOT_FOUND, NO_WORKER. */
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
    why: 'it needs the role admin',
  });
}
