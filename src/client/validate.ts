import { uuidv7 } from 'uuidv7';
import { digestOf } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import { isFields } from '../core/fields.js';
import { RULE_ID, checkedName } from '../core/ids.js';
import { parseProcedure } from '../core/procedure-schema.js';
import type { Procedure, Step } from '../core/procedure.js';
import { checkNotExpired, parseRequest } from '../core/request-schema.js';
import { judge, type Verdict } from '../core/rule.js';
import { named, stepsBefore } from '../plan/order.js';
import { inTime, knownRules, opensAfter, severitiesOf, type Sight } from '../plan/rules.js';
import type { Transformers } from '../contracts/transformers.js';
import type { Rule } from '../rules/rule.js';
import type { Storage } from '../storage/storage.js';
import type { ValidationSession } from '../storage/validations.js';
import { pinContract, pinnedBy } from './pin-contract.js';
import { contentOf, freeze, procedureOf, type Catalogue } from './start.js';

export interface ValidateOptions {
  /** Only these rules. Default: all that the procedure names. */
  rules?: readonly string[];
  /** In place of the request's own. */
  procedure?: string;
  /** Default: those of the client. */
  transformers?: Transformers;
}

/** A validation session that was run by itself. */
export interface Validation {
  session: ValidationSession;
  verdict: Verdict;
  /** Rules of the procedure that were left out: they look at what its steps have done, and none has acted yet. */
  open: { rule: string; name: string; message: string }[];
}

/**
 * Runs rules against a request as the state is now, in parallel, and records the session. Of a handoff that was started,
 * its own state is looked at. Throws what `start` throws of a bad request, and RULE_UNKNOWN.
 */
export async function validateRequest(
  storage: Storage,
  catalogue: Catalogue,
  own: readonly Rule[],
  input: unknown,
  options: ValidateOptions = {},
): Promise<Validation> {
  const asked = options.procedure === undefined ? input : withProcedure(input, options.procedure);
  const startedAt = Date.now();
  const request = parseRequest(asked, startedAt, () => `ho_${uuidv7()}`);
  const known = knownRules(own);
  const id = `vs_${uuidv7()}`;
  const { session, ...said } = await storage.look(async (view) => {
    const digest = digestOf(request);
    const existing = (await view.handoffs.find(request.handoffId))?.subject;
    if (!existing) checkNotExpired(request, startedAt);
    const procedure = parseProcedure(await procedureOf(request, catalogue, view));
    if (existing && existing.requestDigest !== digest)
      throw new HandoffError('HANDOFF_ID_CONFLICT', {
        handoff: request.handoffId,
        existing: existing.requestDigest,
        digest,
      });
    const pinned = await (existing ? pinnedBy(existing, request, view) : pinContract(request, view));
    const subject = existing ?? (await freeze(pinned, procedure, digest, view)).subject;
    const { transformers } = options;
    const sight: Sight = { subject, content: contentOf(pinned), storage: view, rules: known, transformers };
    const rules = (options.rules ?? rulesOf(procedure)).map((rule) => ruleOf(known, rule));
    const open = existing || options.rules ? [] : rules.flatMap((rule) => openOf(rule, procedure, sight));
    const run = rules.filter((rule) => open.every((o) => o.rule !== rule.id));
    const severities = severitiesOf(procedure);
    const results = await Promise.all(run.map((rule) => inTime(rule, stepOf(procedure, rule.id), sight, severities)));
    const verdict = judge(id, results, procedure.stop_at_severity ?? 'high');
    const where = { procedure: procedure.procedure_id, ...(existing ? { handoff: request.handoffId } : {}) };
    const { passed } = verdict;
    return { session: { id, ...where, passed, results, startedAt, endedAt: Date.now() }, verdict, open };
  });
  await storage.validations.record(session);
  return { session, ...said };
}

/** Anything but an object is refused by the schema, with a message that names the place. */
const withProcedure = (input: unknown, procedure: string): unknown =>
  isFields(input) ? { ...input, procedure } : input;

function ruleOf(known: ReadonlyMap<string, Rule>, id: string): Rule {
  const rule = known.get(id);
  if (rule) return rule;
  throw new HandoffError('RULE_UNKNOWN', {
    rule: checkedName('Rule', id, RULE_ID),
    known: [...known.keys()].toSorted().join(', '),
  });
}

/** Every rule that a procedure lists or one of its steps names, once. */
const rulesOf = (p: Procedure): string[] => [
  ...new Set([...(p.validation_rules ?? []).map((r) => r.rule_id), ...p.steps.flatMap((s) => s.rules ?? [])]),
];

/** The parameters that a rule gets: those of the first step that names it. */
const stepOf = (p: Procedure, rule: string): Pick<Step, 'timeout' | 'with'> => {
  const step = p.steps.find((s) => s.rules?.includes(rule));
  return { ...(step?.timeout ? { timeout: step.timeout } : {}), ...(step?.with ? { with: step.with } : {}) };
};

/** Whether every step that names a rule comes after deeds that the rule looks at. */
function openOf(rule: Rule, procedure: Procedure, sight: Sight): Validation['open'] {
  const before = stepsBefore(procedure);
  const naming = procedure.steps.filter((s) => s.rules?.includes(rule.id));
  const after = naming.map((s) => opensAfter(rule, before.get(s.step_id) ?? [], sight));
  if (after.length === 0 || after.some((steps) => steps.length === 0)) return [];
  return [{ rule: rule.id, name: rule.name, message: `can be told only after ${named(after[0]!)}` }];
}
