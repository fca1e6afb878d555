import type { Transaction } from 'kysely';
import { canonicalJson } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import type { Intent } from '../storage/ledger.js';
import type { Tables } from '../storage/schema.js';
import { nextVersion, readEntry, writeEntry, type ContextEntry } from '../storage/context.js';
import type { PhaseStatus } from '../core/phase.js';
import { readPhase, writePhase, type PhaseRecord } from '../storage/sessions.js';
import { refOf, stillOpen, type Action, type ActionContext, type Deps } from './action.js';
import { boundary, failpoint, failpointSync } from '../faults/failpoint.js';

/** What the undo of a context entry needs. A version tells ours from anybody's later write. */
export interface ContextData extends Record<string, unknown> {
  session: string;
  key: string;
  version: number;
  before: ContextEntry | null;
}

/** What the undo of a phase record needs. */
export interface PhaseData extends Record<string, unknown> {
  session: string;
  phase: string;
  version: number;
  status: string;
  before: PhaseRecord | null;
}

type Planned = Intent & { act: () => Promise<Record<string, unknown>> };

/**
 * Moves the state of the session, all in one transaction: the context entries of the package are set, the source phase
 * goes from `completed` to `handed_off`, the target phase becomes `ready`. Each compares before it sets.
 */
export const syncStateAction = (deps: Deps): Action => ({
  name: 'sync_state',
  async run(context) {
    const { task, content, storage } = context;
    const { source, target, session } = task.subject;
    const phases = [source.phase, target.phase].filter((p) => p !== undefined);
    const resources = [
      ...Object.keys(content.context).map((k) => `context:${session}/${k}`),
      ...phases.map((p) => `phase:${session}/${p}`),
    ];
    await failpoint('sync_state.before_apply');
    await storage.ledger.intendAndApply(refOf(task), (trx) => plan(trx, context), stillOpen(deps), resources);
    await failpoint('sync_state.after_apply');
    return { contextKeys: Object.keys(content.context).length, phases };
  },
});

async function plan(trx: Transaction<Tables>, { task, content }: ActionContext): Promise<Planned[]> {
  const { session, source, target, handoffId } = task.subject;
  const by = `handoff ${handoffId}`;
  const planned: Planned[] = [];
  for (const [key, value] of Object.entries(content.context)) planned.push(await planEntry(key, value));
  if (source.phase) planned.push(await planPhase(source.phase, 'handed_off', 'completed'));
  if (target.phase && target.phase !== source.phase) planned.push(await planPhase(target.phase, 'ready'));
  return planned;

  async function planEntry(key: string, value: unknown): Promise<Planned> {
    const resource = `context:${session}/${key}`;
    const before = await readEntry(trx, session, key);
    const expected = content.contextVersions?.[key];
    if (expected !== undefined && expected !== (before?.version ?? 0) && !(await ours(resource))) {
      throw new HandoffError('STATE_CONFLICT', {
        resource,
        expected: `version ${expected}`,
        found: `version ${before?.version ?? 0}`,
      });
    }
    const data: ContextData = {
      session,
      key,
      version: await nextVersion(trx, session, before),
      before: before ?? null,
    };
    return {
      effect: `context:${key}`,
      kind: 'context',
      resource,
      data,
      act: async () => {
        const entry = await writeEntry(trx, session, key, canonicalJson(value), { by });
        failpointSync('sync_state.in_apply');
        await boundary('step.acted', task.step);
        return { version: entry.version, digest: entry.digest };
      },
    };
  }

  async function planPhase(phase: string, status: PhaseStatus, from?: PhaseStatus): Promise<Planned> {
    const resource = `phase:${session}/${phase}`;
    const before = await readPhase(trx, session, phase);
    if (from && before?.status !== from && !(await ours(resource))) {
      throw new HandoffError('STATE_CONFLICT', { resource, expected: from, found: before?.status ?? 'no record' });
    }
    const data: PhaseData = { session, phase, status, version: (before?.version ?? 0) + 1, before: before ?? null };
    return {
      effect: `phase:${phase}`,
      kind: 'phase',
      resource,
      data,
      act: async () => {
        const record = await writePhase(trx, session, phase, status, by);
        failpointSync('sync_state.in_apply');
        await boundary('step.acted', task.step);
        return { version: record.version, status };
      },
    };
  }

  /** Whether this step's own change is there already: a redelivery, or an operator's retry after a lost answer. */
  async function ours(resource: string): Promise<boolean> {
    const row = await trx
      .selectFrom('effects')
      .select('key')
      .where('resource', '=', resource)
      .where('handoff', '=', handoffId)
      .where('step', '=', task.step)
      .where('status', '=', 'applied')
      .executeTakeFirst();
    return row !== undefined;
  }
}
