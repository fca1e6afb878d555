import { formatIssues, type ErrorCode, type ErrorParams } from '../errors.js';
import { ACT_WORDS, POLICY, refuseAct, type Permission, type Relation } from '../service/policy.js';
import { signOffOf, countingSignOffs } from './counts.js';
import { REPORT_ACTS, faultOfReportMessage, type ReportMessageName } from './message.js';
import { FACTS_LIMIT } from './reducer.js';
import type { Actor, ContentOutline, ReportState, SignOffRole, SignOffStatus } from './report.js';

export interface ReportRefusal {
  code: ErrorCode;
  params: ErrorParams;
}
/** The parts of messages that rules ask for. */
interface Asked {
  actor: Actor;
  seq?: number;
  digest?: string;
  basedOn?: string;
  edit?: { outline: ContentOutline };
  role?: SignOffRole;
  status?: string;
  conditions?: string[];
  condition?: number;
}

const relationsTo = (s: Pick<ReportState, 'author'>, by: string): Relation[] => [
  s.author === by ? 'owner' : 'not_owner',
];

/** Whether an actor may see a report at all; to all others it does not exist. */
export const mayRead = (s: Pick<ReportState, 'author' | 'status'>, actor: Actor): boolean =>
  refuseAct('report.read', actor.roles, { relations: relationsTo(s, actor.by), state: s.status }) === undefined;

/** Why a message does not fit a report at this moment; undefined where it does. Client and run ask the same. */
export function refuseReport(
  s: ReportState,
  name: ReportMessageName,
  message: unknown,
  now: number,
): ReportRefusal | undefined {
  const why = faultOfReportMessage(name, message);
  if (why) return { code: 'INVALID_MESSAGE', params: { message: name, why } };
  const asked = message as Asked;
  return (
    refuseActor(s, name, asked.actor) ??
    refuseSeen(s, asked) ??
    refuseMore(s, name, message) ??
    {
      submit: () => refuseSubmit(s, asked),
      enterFact: () => refuseFact(s),
      signOff: () => refuseSignOff(s, asked as SigningOff, now),
      revokeSignOff: () => refuseRevocation(s, asked as SigningOff, now),
      meetCondition: () => refuseCondition(s, asked as SigningOff, now),
      edit: () => undefined,
      review: () => undefined,
      comment: () => undefined,
    }[name]()
  );
}

const RELATION_WORDS: Partial<Record<Relation, string>> = {
  owner: 'only its author may',
  not_owner: 'nobody decides about their own report',
};

/** Role, ownership and status, as the policy table has them. */
export function refuseActor(s: ReportState, name: ReportMessageName, actor: Actor): ReportRefusal | undefined {
  const act = REPORT_ACTS[name];
  const refusal = refuseAct(act, actor.roles, { relations: relationsTo(s, actor.by), state: s.status });
  if (!refusal) return undefined;
  const permissions: readonly Permission[] = POLICY[act];
  if (refusal === 'state') {
    const allowed = [...new Set(permissions.flatMap((p) => p.states ?? []))].join(', ');
    return { code: 'REPORT_STATE', params: { report: s.reportId, status: s.status, act, allowed } };
  }
  const roles = [...new Set(permissions.flatMap((p) => p.roles))].join(', ');
  const relation = permissions.flatMap((p) => p.relation ?? [])[0];
  const why =
    refusal === 'role' ? `it needs one of the roles ${roles}` : (relation && RELATION_WORDS[relation]) || 'no';
  return { code: 'FORBIDDEN', params: { actor: actor.by, act: ACT_WORDS[act], why } };
}

/** What who acts has seen must be what is there. */
function refuseSeen(s: ReportState, { seq, digest, basedOn }: Asked): ReportRefusal | undefined {
  if (seq !== undefined && seq !== s.seq)
    return { code: 'PRECONDITION_FAILED', params: { what: `Report ${s.reportId}`, seen: seq, now: s.seq } };
  const named = digest ?? basedOn;
  if (named === undefined || named === s.version.digest) return undefined;
  const { number: version, digest: present } = s.version;
  return { code: 'REPORT_CHANGED', params: { report: s.reportId, version, digest: present, named } };
}

/** What counts now is never dropped, so it is bounded where it is said: Temporal ends a run whose state it cannot take. */
const STATE_LENGTH = 300_000;
const GROWING: ReadonlySet<ReportMessageName> = new Set(['enterFact', 'signOff', 'meetCondition']);
function refuseMore(s: ReportState, name: ReportMessageName, message: unknown): ReportRefusal | undefined {
  if (!GROWING.has(name) || (message as Asked).status === 'rejected') return undefined;
  const size = JSON.stringify(s).length + JSON.stringify(message).length;
  if (size <= STATE_LENGTH) return undefined;
  const issues = `all that is said of version ${s.version.number} comes to ${size} characters with this, of ${STATE_LENGTH} at most; say it shorter`;
  return { code: 'INVALID_REPORT', params: { issues } };
}

function refuseSubmit(s: ReportState, { edit }: Asked): ReportRefusal | undefined {
  const list = (edit?.outline ?? s.outline).missing;
  if (list.length === 0) return undefined;
  return { code: 'REPORT_INCOMPLETE', params: { report: s.reportId, issues: formatIssues(list, 50), list } };
}

const refuseFact = (s: ReportState): ReportRefusal | undefined =>
  s.facts.length < FACTS_LIMIT
    ? undefined
    : { code: 'INVALID_REPORT', params: { issues: `/facts: there are ${FACTS_LIMIT} of this version already` } };

type SigningOff = Asked & { role: SignOffRole; status: SignOffStatus };

const refused = (s: ReportState, why: string): ReportRefusal => ({
  code: 'SIGN_OFF_REFUSED',
  params: { report: s.reportId, why },
});

/** Who may sign in which role. What takes an approval away is held to less than what gives one. */
function refuseSignOff(s: ReportState, asked: SigningOff, now: number): ReportRefusal | undefined {
  const { actor, role, status, conditions = [] } = asked;
  const { allowSelfSignOff, allowTwoRoles } = s.terms;
  if (!actor.roles.includes(role))
    return {
      code: 'FORBIDDEN',
      params: { actor: actor.by, act: ACT_WORDS['report.sign_off'], why: `it has not the role ${role}` },
    };
  if (actor.by === s.author && !allowSelfSignOff) return refused(s, `${actor.by} is its author`);
  if (status === 'rejected')
    return conditions.length > 0 ? refused(s, 'a rejection has no conditions; say them in its comments') : undefined;
  if (status === 'conditionally_approved' && conditions.length === 0) return refused(s, 'it names no conditions');
  const there = signOffOf(s, role, now);
  if (there) return refused(s, `${there.by} has signed it off as ${role} already`);
  const other = countingSignOffs(s, now).find((g) => g.by === actor.by);
  if (other && !allowTwoRoles) return refused(s, `${actor.by} has signed it off as ${other.role} already`);
  return undefined;
}

function refuseRevocation(s: ReportState, { actor, role }: SigningOff, now: number): ReportRefusal | undefined {
  const there = signOffOf(s, role, now);
  if (!there) return refused(s, `no sign-off as ${role} counts`);
  if (there.by === actor.by || actor.roles.includes('admin')) return undefined;
  const why = 'only who gave it, or an admin, takes it back';
  return { code: 'FORBIDDEN', params: { actor: actor.by, act: 'report.revoke_sign_off', why } };
}

function refuseCondition(s: ReportState, asked: SigningOff, now: number): ReportRefusal | undefined {
  const { actor, role, condition = 0 } = asked;
  if (!actor.roles.includes(role) && !actor.roles.includes('admin')) {
    const why = `it has not the role ${role}`;
    return { code: 'FORBIDDEN', params: { actor: actor.by, act: 'report.meet_condition', why } };
  }
  if (actor.by === s.author && !s.terms.allowSelfSignOff) return refused(s, `${actor.by} is its author`);
  const there = signOffOf(s, role, now);
  if (!there) return refused(s, `no sign-off as ${role} counts`);
  const open = there.conditions[condition];
  if (!open)
    return refused(s, `the sign-off as ${role} has no condition ${condition}; it has ${there.conditions.length}`);
  return open.metAt === undefined ? undefined : refused(s, `condition ${condition} of ${role} is met already`);
}
