import { POLICY } from './terms.js';

/**
 * Whether the policy table lets somebody do this: so that no button stands there that can only be refused. The service
 * decides all the same. The same as `refuseAct` of the core.
 * @param {string} act @param {readonly string[]} roles
 * @param {{ relations?: readonly string[], state?: string }} [about]
 */
export function may(act, roles, { relations = [], state } = {}) {
  return (POLICY[act] ?? []).some(
    (p) =>
      p.roles.some((role) => roles.includes(role)) &&
      (!p.relation || relations.includes(p.relation) || (roles.includes('admin') && p.relation !== 'not_owner')) &&
      (!p.states || !state || p.states.some((s) => s === state)),
  );
}
