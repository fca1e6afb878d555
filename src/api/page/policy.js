import { POLICY } from './terms.js';

/** Relations that being an admin does not stand for. */
const FOR_EVERYBODY = ['owner', 'not_owner'];

/**
 * Whether the policy table lets somebody do this: so that no button stands there that can only be refused. The service
 * decides all the same. As `refuseAct` of the core, which a test holds it to.
 * @param {string} act @param {readonly string[]} roles
 * @param {{ relations?: readonly string[], state?: string }} [about]
 */
export function may(act, roles, { relations = [], state } = {}) {
  return (POLICY[act] ?? []).some((p) => {
    if (!p.roles.some((role) => roles.includes(role))) return false;
    const isExempt = roles.includes('admin') && p.relation !== undefined && !FOR_EVERYBODY.includes(p.relation);
    if (p.relation && !relations.includes(p.relation) && !isExempt) return false;
    return !p.states || p.states.some((s) => s === state);
  });
}
