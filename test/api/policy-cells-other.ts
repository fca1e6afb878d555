import type { Cell } from './policy-cells.js';

const NAMESPACE = 'S4.7: "who can reach the namespace is an operator"';
const INBOX = 'S5.2: "`listPendingForAgent` becomes the target\'s durable inbox"';
const AUDIT = 'S4.7: "roles, ownership, admin; … an audit log"';

const agent = ['agent'];
const reviewer = ['agent', 'reviewer'];
const admin = ['agent', 'admin'];

/** Those that are not about reports. */
export const OTHER_CELLS: readonly Cell[] = [
  // Handoffs.
  {
    act: 'handoff.start',
    roles: agent,
    relation: 'source',
    answer: 'yes',
    says: 'Title of S5: "agent-to-agent documents": one hands over what is one\'s own',
  },
  { act: 'handoff.start', roles: agent, answer: 'relation', says: 'S4.7: "roles, ownership, admin"' },
  {
    act: 'handoff.read',
    roles: reviewer,
    answer: 'relation',
    says: 'Issue 8.4: "no other agent\'s data in a response"',
  },
  { act: 'handoff.read', roles: agent, relation: 'party', answer: 'yes', says: 'S4.7: "ownership"' },
  {
    act: 'handoff.accept',
    roles: agent,
    relation: 'source',
    answer: 'relation',
    says: 'Faults of others: "two agents that both accept"',
  },
  { act: 'handoff.accept', roles: agent, relation: 'target', answer: 'yes', says: INBOX },
  {
    act: 'handoff.repair',
    roles: agent,
    relation: 'party',
    answer: 'role',
    says: 'How people run it: "an operator … incidents"',
  },
  { act: 'handoff.repair', roles: admin, answer: 'yes', says: 'How people run it: "an operator … incidents"' },
  { act: 'handoff.bulk', roles: reviewer, answer: 'role', says: 'How people run it: "an operator"' },
  { act: 'inbox.read', roles: agent, relation: 'self', answer: 'yes', says: INBOX },
  { act: 'inbox.read', roles: agent, answer: 'relation', says: INBOX },
  // A trigger reaches the namespace, and whatever address the worker reaches.
  { act: 'handoff.trigger', roles: agent, relation: 'source', answer: 'role', says: NAMESPACE },
  { act: 'handoff.trigger', roles: admin, answer: 'yes', says: NAMESPACE },
  // What only admins have.
  { act: 'audit.read', roles: reviewer, answer: 'role', says: AUDIT },
  { act: 'audit.read', roles: ['security_reviewer'], answer: 'role', says: AUDIT },
  { act: 'audit.read', roles: admin, answer: 'yes', says: AUDIT },
  {
    act: 'key.manage',
    roles: ['tech_lead'],
    answer: 'role',
    says: 'S4.7: "API keys kept only as hashes"; roles are given by an admin',
  },
  { act: 'key.manage', roles: admin, answer: 'yes', says: 'S4.7: "admin"' },
  {
    act: 'webhook.manage',
    roles: ['architect'],
    answer: 'role',
    says: 'S4.6: "signed webhooks": what leaves the house, an admin decides',
  },
  { act: 'registry.write', roles: ['developer'], answer: 'role', says: 'S4.7: "roles, ownership, admin"' },
];
