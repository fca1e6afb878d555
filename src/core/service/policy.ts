import { SIGN_OFF_ROLES, type ReportStatus } from '../report/report.js';

/**
 * Who may do what: the one table that the API asks, that the tests go through cell by cell, and that docs/api.md is made
 * from. Everything that is not in it is refused.
 */
export const ROLES = ['agent', 'reviewer', ...SIGN_OFF_ROLES, 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Those of an agent's roles that give rights: all others are names of its own. */
export const rightsOf = (roles: readonly string[]): Role[] => ROLES.filter((role) => roles.includes(role));

const READERS = ['reviewer', ...SIGN_OFF_ROLES, 'admin'] as const;
/** Every key: each agent that has one may at least this. */
const EVERYONE = ROLES;

/** How who acts stands to what it is about. `party`: source or target of a handoff. */
export type Relation = 'owner' | 'not_owner' | 'source' | 'target' | 'party' | 'self';

export interface Permission {
  /** Who may at all: one of these roles is needed. */
  roles: readonly Role[];
  /**
   * What they must be to it. Admins need not be, but for `owner` and `not_owner`, which hold for everybody: who could write
   * into another's report, and then approve it, would approve what is their own.
   */
  relation?: Relation;
  /** Where it may be. Absent: anywhere. */
  states?: readonly ReportStatus[];
}

/** An act may have several permissions: one that fits is enough. */
export const POLICY = {
  'report.create': [{ roles: EVERYONE, relation: 'party' }],
  'report.list': [{ roles: EVERYONE }],
  'report.read': [
    { roles: EVERYONE, relation: 'owner' },
    { roles: READERS, states: ['submitted', 'under_review', 'approved', 'rejected', 'amendments_required'] },
    { roles: ['admin'] },
  ],
  'report.edit': [
    { roles: EVERYONE, relation: 'owner', states: ['draft', 'under_review', 'approved', 'amendments_required'] },
  ],
  'report.submit': [{ roles: EVERYONE, relation: 'owner', states: ['draft', 'amendments_required'] }],
  'report.review': [{ roles: ['reviewer', 'admin'], relation: 'not_owner', states: ['under_review'] }],
  'report.enter_fact': [{ roles: ['reviewer', 'admin'], relation: 'not_owner', states: ['under_review'] }],
  // Whether one may sign what one has written, and in which role, is settings' and roles' to say: see refuseSignOff.
  'report.sign_off': [{ roles: SIGN_OFF_ROLES, states: ['approved'] }],
  'report.revoke_sign_off': [{ roles: [...SIGN_OFF_ROLES, 'admin'], states: ['approved'] }],
  'report.meet_condition': [{ roles: [...SIGN_OFF_ROLES, 'admin'], states: ['approved'] }],
  // Nobody has anything more to say to one that was rejected: its run is over.
  'report.comment': [
    {
      roles: EVERYONE,
      relation: 'owner',
      states: ['draft', 'submitted', 'under_review', 'approved', 'amendments_required'],
    },
    { roles: READERS, states: ['submitted', 'under_review', 'approved', 'amendments_required'] },
  ],
  'dashboard.read': [{ roles: EVERYONE }],
  'handoff.start': [{ roles: EVERYONE, relation: 'source' }],
  // A request's own trigger signals and starts any workflow of the namespace, and posts to any address that the worker
  // reaches: that is an operator's to say. What a procedure's own step triggers is not asked here.
  'handoff.trigger': [{ roles: ['admin'] }],
  'handoff.list': [{ roles: EVERYONE }],
  'handoff.read': [{ roles: EVERYONE, relation: 'party' }],
  'handoff.accept': [{ roles: EVERYONE, relation: 'target' }],
  'handoff.pause': [{ roles: EVERYONE, relation: 'party' }],
  // The time that there is for an answer is for who asks to give.
  'handoff.extend': [{ roles: EVERYONE, relation: 'source' }],
  'handoff.cancel': [{ roles: EVERYONE, relation: 'source' }],
  'handoff.repair': [{ roles: ['admin'] }],
  'handoff.bulk': [{ roles: ['admin'] }],
  'inbox.read': [{ roles: EVERYONE, relation: 'self' }],
  'incident.list': [{ roles: EVERYONE }],
  // Of all handoffs; a party may ask for one handoff's part of it.
  'manifest.read': [{ roles: EVERYONE, relation: 'party' }],
  'manifest.trace': [{ roles: ['admin'] }],
  'agent.heartbeat': [{ roles: EVERYONE, relation: 'self' }],
  'registry.read': [{ roles: EVERYONE }],
  'registry.write': [{ roles: ['admin'] }],
  'key.manage': [{ roles: ['admin'] }],
  'event.read': [{ roles: EVERYONE }],
  'webhook.manage': [{ roles: ['admin'] }],
  'audit.read': [{ roles: ['admin'] }],
} as const satisfies Record<string, readonly Permission[]>;
export type Act = keyof typeof POLICY;

/** Each act as a person says it: "you may not manage keys". */
export const ACT_WORDS: Readonly<Record<Act, string>> = {
  'report.create': 'write this report',
  'report.list': 'list reports',
  'report.read': 'read this report',
  'report.edit': 'edit this report',
  'report.submit': 'submit this report',
  'report.review': 'review this report',
  'report.enter_fact': 'enter a fact',
  'report.sign_off': 'sign this report off',
  'report.revoke_sign_off': 'revoke a sign-off',
  'report.meet_condition': 'say that a condition is met',
  'report.comment': 'comment on this report',
  'dashboard.read': 'read the dashboard',
  'handoff.start': 'start this handoff',
  'handoff.trigger': 'give a handoff a trigger',
  'handoff.list': 'list handoffs',
  'handoff.read': 'read this handoff',
  'handoff.accept': 'accept, reject or complete this handoff',
  'handoff.pause': 'pause or resume this handoff',
  'handoff.extend': 'extend the expiry of this handoff',
  'handoff.cancel': 'cancel this handoff',
  'handoff.repair': 'repair this handoff',
  'handoff.bulk': 'act on many handoffs at once',
  'inbox.read': 'read this inbox',
  'incident.list': 'list incidents',
  'manifest.read': 'read this manifest',
  'manifest.trace': 'trace an artifact',
  'agent.heartbeat': 'send this heartbeat',
  'registry.read': 'read what is registered',
  'registry.write': 'register anything',
  'key.manage': 'manage keys',
  'event.read': 'read events',
  'webhook.manage': 'manage webhooks',
  'audit.read': 'read the audit log',
};

/** What an act is about, as far as its permissions ask. */
export interface About {
  relations?: readonly Relation[];
  state?: ReportStatus;
}

export type Refusal = 'role' | 'relation' | 'state';

/** Relations that being an admin does not stand for. */
const FOR_EVERYBODY: ReadonlySet<Relation> = new Set(['owner', 'not_owner']);

/** Why roles do not allow an act, the nearest miss; undefined where they do. Of an act that asks for a state, none will not do. */
export function refuseAct(act: Act, roles: readonly string[], about: About = {}): Refusal | undefined {
  const relations = new Set<string>(about.relations);
  const misses = (POLICY[act] as readonly Permission[]).map((p): Refusal | undefined => {
    if (!p.roles.some((r) => roles.includes(r))) return 'role';
    const isExempt = roles.includes('admin') && p.relation !== undefined && !FOR_EVERYBODY.has(p.relation);
    if (p.relation && !relations.has(p.relation) && !isExempt) return 'relation';
    return p.states && !(about.state && p.states.includes(about.state)) ? 'state' : undefined;
  });
  if (misses.includes(undefined)) return undefined;
  return misses.includes('state') ? 'state' : misses.includes('relation') ? 'relation' : 'role';
}
