import type { ReportStatus } from '../../src/core/report/report.js';
import { OTHER_CELLS } from './policy-cells-other.js';
import type { Act, Refusal, Relation } from '../../src/core/service/policy.js';

/** One answer, as it follows from a sentence of the specification; written by hand, not from the table. */
export interface Cell {
  act: Act;
  roles: string[];
  relation?: Relation;
  state?: ReportStatus;
  /** `yes`, or what it lacks. */
  answer: 'yes' | Refusal;
  /** The sentence. */
  says: string;
}

const OWNERSHIP = '003: "Agent ownership validation for report modifications"';
const CROSS = '003: "Admin role for cross-agent report access"';
const RBAC = '003: "Role-based access control for reviews and sign-offs"';
const REVIEWED = 'S4.1: "only `under_review` can be reviewed"';
const BY_OTHERS = 'S4.3: "entered by a reviewer who is not the author"';
const NEVER_SELF = 'S4.3: "never a score that the author gave themselves"; S4.4: "Nobody signs off their own report"';
const SIX = 'S4.4: "Sign-off by the six roles"';
const APPROVED = '003: "Check report approval status"';
const AUTHENTICATED = 'S4.7: "Every request authenticated"';
const HANDED_IN = '003: "Formal submission for review": before that, it is its author\'s alone';
const OWN = '003: "Verify agent ownership" of a submission';
const CYCLE = 'S4.3: "amendment and resubmission cycles"';
const KNOWN = 'S4.1: "`task_id` a known handoff"; 003: "Agents can create comprehensive hand-off reports"';

const agent = ['agent'];
const reviewer = ['agent', 'reviewer'];
const admin = ['agent', 'admin'];

export const CELLS: readonly Cell[] = [
  // Nobody without a key.
  { act: 'report.list', roles: [], answer: 'role', says: AUTHENTICATED },
  { act: 'report.read', roles: [], relation: 'owner', state: 'draft', answer: 'role', says: AUTHENTICATED },
  { act: 'dashboard.read', roles: [], answer: 'role', says: AUTHENTICATED },
  { act: 'report.read', roles: ['root'], relation: 'owner', state: 'draft', answer: 'role', says: AUTHENTICATED },
  // Creation.
  { act: 'report.create', roles: agent, relation: 'party', answer: 'yes', says: KNOWN },
  { act: 'report.create', roles: agent, answer: 'relation', says: KNOWN },
  { act: 'report.create', roles: reviewer, answer: 'relation', says: KNOWN },
  { act: 'report.create', roles: admin, answer: 'yes', says: CROSS },
  // Reading.
  { act: 'report.read', roles: agent, relation: 'owner', state: 'draft', answer: 'yes', says: OWNERSHIP },
  { act: 'report.read', roles: agent, relation: 'owner', state: 'rejected', answer: 'yes', says: OWNERSHIP },
  { act: 'report.read', roles: agent, relation: 'not_owner', state: 'draft', answer: 'relation', says: OWNERSHIP },
  { act: 'report.read', roles: agent, relation: 'not_owner', state: 'approved', answer: 'relation', says: OWNERSHIP },
  { act: 'report.read', roles: reviewer, relation: 'not_owner', state: 'draft', answer: 'state', says: HANDED_IN },
  { act: 'report.read', roles: ['tech_lead'], relation: 'not_owner', state: 'draft', answer: 'state', says: HANDED_IN },
  { act: 'report.read', roles: reviewer, relation: 'not_owner', state: 'submitted', answer: 'yes', says: RBAC },
  { act: 'report.read', roles: reviewer, relation: 'not_owner', state: 'under_review', answer: 'yes', says: RBAC },
  { act: 'report.read', roles: ['qa_engineer'], relation: 'not_owner', state: 'approved', answer: 'yes', says: RBAC },
  { act: 'report.read', roles: admin, relation: 'not_owner', state: 'draft', answer: 'yes', says: CROSS },
  // Editing.
  { act: 'report.edit', roles: agent, relation: 'owner', state: 'draft', answer: 'yes', says: OWNERSHIP },
  { act: 'report.edit', roles: agent, relation: 'owner', state: 'amendments_required', answer: 'yes', says: CYCLE },
  {
    act: 'report.edit',
    roles: agent,
    relation: 'owner',
    state: 'approved',
    answer: 'yes',
    says: 'S4.4: "an edit dismisses it"',
  },
  {
    act: 'report.edit',
    roles: agent,
    relation: 'owner',
    state: 'submitted',
    answer: 'state',
    says: 'S4.1: "`submitted` becomes `under_review` when automatic validation passes": of what was handed in',
  },
  {
    act: 'report.edit',
    roles: agent,
    relation: 'owner',
    state: 'rejected',
    answer: 'state',
    says: 'S4.3: "approved, rejected, amendments required": only the last asks for more',
  },
  { act: 'report.edit', roles: agent, relation: 'not_owner', state: 'draft', answer: 'relation', says: OWNERSHIP },
  {
    act: 'report.edit',
    roles: reviewer,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'relation',
    says: OWNERSHIP,
  },
  {
    act: 'report.edit',
    roles: ['architect'],
    relation: 'not_owner',
    state: 'approved',
    answer: 'relation',
    says: OWNERSHIP,
  },
  {
    act: 'report.edit',
    roles: admin,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'relation',
    says: `${OWNERSHIP}: else an admin could approve their own words`,
  },
  // Handing in.
  {
    act: 'report.submit',
    roles: agent,
    relation: 'owner',
    state: 'draft',
    answer: 'yes',
    says: OWN,
  },
  { act: 'report.submit', roles: agent, relation: 'owner', state: 'amendments_required', answer: 'yes', says: CYCLE },
  { act: 'report.submit', roles: agent, relation: 'owner', state: 'under_review', answer: 'state', says: CYCLE },
  { act: 'report.submit', roles: agent, relation: 'owner', state: 'approved', answer: 'state', says: CYCLE },
  { act: 'report.submit', roles: agent, relation: 'owner', state: 'rejected', answer: 'state', says: CYCLE },
  {
    act: 'report.submit',
    roles: reviewer,
    relation: 'not_owner',
    state: 'draft',
    answer: 'relation',
    says: OWN,
  },
  {
    act: 'report.submit',
    roles: admin,
    relation: 'not_owner',
    state: 'draft',
    answer: 'relation',
    says: OWN,
  },
  // Reviewing.
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'yes',
    says: REVIEWED,
  },
  { act: 'report.review', roles: admin, relation: 'not_owner', state: 'under_review', answer: 'yes', says: CROSS },
  { act: 'report.review', roles: reviewer, relation: 'not_owner', state: 'draft', answer: 'state', says: REVIEWED },
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'not_owner',
    state: 'submitted',
    answer: 'state',
    says: REVIEWED,
  },
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'not_owner',
    state: 'approved',
    answer: 'state',
    says: REVIEWED,
  },
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'not_owner',
    state: 'rejected',
    answer: 'state',
    says: REVIEWED,
  },
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'not_owner',
    state: 'amendments_required',
    answer: 'state',
    says: REVIEWED,
  },
  { act: 'report.review', roles: admin, relation: 'not_owner', state: 'draft', answer: 'state', says: REVIEWED },
  {
    act: 'report.review',
    roles: reviewer,
    relation: 'owner',
    state: 'under_review',
    answer: 'relation',
    says: NEVER_SELF,
  },
  {
    act: 'report.review',
    roles: admin,
    relation: 'owner',
    state: 'under_review',
    answer: 'relation',
    says: NEVER_SELF,
  },
  { act: 'report.review', roles: agent, relation: 'not_owner', state: 'under_review', answer: 'role', says: RBAC },
  {
    act: 'report.review',
    roles: ['tech_lead'],
    relation: 'not_owner',
    state: 'under_review',
    answer: 'role',
    says: RBAC,
  },
  {
    act: 'report.review',
    roles: ['product_owner'],
    relation: 'not_owner',
    state: 'under_review',
    answer: 'role',
    says: RBAC,
  },
  // Facts.
  {
    act: 'report.enter_fact',
    roles: reviewer,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'yes',
    says: BY_OTHERS,
  },
  {
    act: 'report.enter_fact',
    roles: reviewer,
    relation: 'owner',
    state: 'under_review',
    answer: 'relation',
    says: BY_OTHERS,
  },
  {
    act: 'report.enter_fact',
    roles: admin,
    relation: 'owner',
    state: 'under_review',
    answer: 'relation',
    says: BY_OTHERS,
  },
  {
    act: 'report.enter_fact',
    roles: agent,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'role',
    says: BY_OTHERS,
  },
  {
    act: 'report.enter_fact',
    roles: ['developer'],
    relation: 'not_owner',
    state: 'under_review',
    answer: 'role',
    says: BY_OTHERS,
  },
  {
    act: 'report.enter_fact',
    roles: reviewer,
    relation: 'not_owner',
    state: 'approved',
    answer: 'state',
    says: REVIEWED,
  },
  // Signing off.
  { act: 'report.sign_off', roles: ['developer'], relation: 'not_owner', state: 'approved', answer: 'yes', says: SIX },
  { act: 'report.sign_off', roles: ['tech_lead'], relation: 'not_owner', state: 'approved', answer: 'yes', says: SIX },
  {
    act: 'report.sign_off',
    roles: ['qa_engineer'],
    relation: 'not_owner',
    state: 'approved',
    answer: 'yes',
    says: SIX,
  },
  {
    act: 'report.sign_off',
    roles: ['security_reviewer'],
    relation: 'not_owner',
    state: 'approved',
    answer: 'yes',
    says: SIX,
  },
  {
    act: 'report.sign_off',
    roles: ['product_owner'],
    relation: 'not_owner',
    state: 'approved',
    answer: 'yes',
    says: SIX,
  },
  { act: 'report.sign_off', roles: ['architect'], relation: 'not_owner', state: 'approved', answer: 'yes', says: SIX },
  { act: 'report.sign_off', roles: reviewer, relation: 'not_owner', state: 'approved', answer: 'role', says: SIX },
  { act: 'report.sign_off', roles: agent, relation: 'owner', state: 'approved', answer: 'role', says: SIX },
  {
    act: 'report.sign_off',
    roles: admin,
    relation: 'not_owner',
    state: 'approved',
    answer: 'role',
    says: `${SIX}: an admin is none of them`,
  },
  {
    act: 'report.sign_off',
    roles: ['developer'],
    relation: 'not_owner',
    state: 'under_review',
    answer: 'state',
    says: APPROVED,
  },
  {
    act: 'report.sign_off',
    roles: ['developer'],
    relation: 'not_owner',
    state: 'draft',
    answer: 'state',
    says: APPROVED,
  },
  {
    act: 'report.sign_off',
    roles: ['developer'],
    relation: 'not_owner',
    state: 'rejected',
    answer: 'state',
    says: APPROVED,
  },
  { act: 'report.revoke_sign_off', roles: agent, relation: 'owner', state: 'approved', answer: 'role', says: RBAC },
  {
    act: 'report.meet_condition',
    roles: agent,
    relation: 'owner',
    state: 'approved',
    answer: 'role',
    says: 'S4.4: "conditional approvals": the author does not lift a condition',
  },
  // Comments.
  {
    act: 'report.comment',
    roles: agent,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'relation',
    says: OWNERSHIP,
  },
  { act: 'report.comment', roles: reviewer, relation: 'not_owner', state: 'draft', answer: 'state', says: HANDED_IN },
  {
    act: 'report.comment',
    roles: reviewer,
    relation: 'not_owner',
    state: 'under_review',
    answer: 'yes',
    says: '003: "Review Comments: Detailed feedback"',
  },
  ...OTHER_CELLS,
];
