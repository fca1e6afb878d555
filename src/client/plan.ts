import { uuidv7 } from 'uuidv7';
import { digestOf } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import { workflowIdOf } from '../core/ids.js';
import { parseProcedure } from '../core/procedure-schema.js';
import { checkNotExpired, parseRequest } from '../core/request-schema.js';
import type { Subject, WrittenRequest } from '../core/request.js';
import { issue, issueOf } from '../plan/issues.js';
import { makePlan } from '../plan/make-plan.js';
import type { HandoffPlan, PlanIssue } from '../plan/plan.js';
import { knownRules } from '../plan/rules.js';
import type { Transformers } from '../contracts/transformers.js';
import type { Rule } from '../rules/rule.js';
import type { Storage } from '../storage/storage.js';
import { isNotFound, withDeadline, type Caller } from './calls.js';
import { pinContract, pinnedBy } from './pin-contract.js';
import { contentOf, freeze, lintHere, procedureOf, type Catalogue } from './start.js';

/** What a plan may ask. None of it can change anything. */
export interface PlanSources {
  /** Runs work with a storage through which nothing can be written. */
  look: <T>(work: (view: Storage) => Promise<T>) => Promise<T>;
  /** What Temporal knows of a handoff id. Throws TEMPORAL_UNREACHABLE. */
  findRun: (handoff: string) => Promise<FoundRun | undefined>;
  catalogue: Catalogue;
  /** Rules that this process has besides the built-in ones. */
  rules: readonly Rule[];
  /** Actions that are known to have no undo. */
  oneWay?: readonly string[];
  /** Default: the built-in ones. */
  transformers?: Transformers;
}

export interface FoundRun {
  status: string;
  requestDigest: unknown;
}

/** Looks a handoff's run up in Temporal. */
export async function findRun(caller: Caller, handoff: string): Promise<FoundRun | undefined> {
  try {
    const { status, memo } = await withDeadline(caller, `The look at handoff ${handoff}`, () =>
      caller.temporal.workflow.getHandle(workflowIdOf(handoff)).describe(),
    );
    return { status: status.name.toLowerCase(), requestDigest: memo?.['requestDigest'] };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** What a handoff would do, without doing any of it. Refuses what `start` refuses before it looks at anything. */
export async function planHandoff(sources: PlanSources, input: unknown): Promise<HandoffPlan> {
  const now = Date.now();
  const written = parseRequest(input, now, () => `ho_${uuidv7()}`);
  const { handoffId, session } = input as { handoffId?: unknown; session?: unknown };
  const given = { handoffId: handoffId !== undefined, session: (session ?? handoffId) !== undefined };
  return sources.look(async (storage) => {
    const { existing, issues, subject: started } = await whatIsThere(sources, storage, written);
    if (!existing?.same) checkNotExpired(written, now);
    const pinned = await (started ? pinnedBy(started, written, storage) : pinContract(written, storage));
    const { request } = pinned;
    const procedure = parseProcedure(await procedureOf(written, sources.catalogue, storage));
    const lint = await lintHere(procedure, sources.catalogue, storage);
    // The ledger of the handoff that has the id says nothing of this request.
    const own = existing?.same === false ? { ...pinned, request: { ...request, handoffId: `ho_${uuidv7()}` } } : pinned;
    const { subject, triggerAfter } = await freeze(own, procedure, digestOf(written), storage);
    return makePlan({
      request,
      procedure,
      lint,
      given,
      ...(existing ? { existing } : {}),
      issues,
      oneWay: new Set(sources.oneWay ?? []),
      now,
      ...(triggerAfter === undefined ? {} : { triggerAfter }),
      subject,
      content: contentOf(pinned),
      storage,
      rules: knownRules(sources.rules),
      transformers: sources.transformers,
    });
  });
}

/** Who has the id already, and whether anybody can be asked; `subject` where it is the same request's. */
async function whatIsThere(
  { findRun: find }: PlanSources,
  storage: Storage,
  request: WrittenRequest,
): Promise<{ existing?: HandoffPlan['existing']; issues: PlanIssue[]; subject?: Subject }> {
  const { handoffId } = request;
  const stored = await storage.handoffs.find(handoffId);
  const issues: PlanIssue[] = [];
  const run = await find(handoffId).catch((error: unknown) => {
    if (!(error instanceof HandoffError)) throw error;
    issues.push(issueOf(error));
    return undefined;
  });
  const existingDigest = stored?.subject.requestDigest ?? run?.requestDigest;
  if (!stored && !run) return { issues };
  const digest = digestOf(request);
  const same = existingDigest === digest;
  if (!same) issues.push(issue('HANDOFF_ID_CONFLICT', { handoff: handoffId, existing: existingDigest, digest }));
  return {
    existing: { handoffId, status: stored?.status ?? run!.status, same },
    issues,
    ...(same && stored ? { subject: stored.subject } : {}),
  };
}
