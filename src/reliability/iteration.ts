import type { HandoffOutcome } from '../core/handoff.js';
import { HandoffError } from '../core/errors.js';
import type { IterationOutcome } from '../core/reliability/report.js';
import { answerOffer, cancelOwn } from './agents.js';
import { persist } from './away.js';
import type { TestBed } from './test-bed.js';
import type { Sight } from './lookout.js';
import type { Ended } from './tally.js';
import { SOURCE, TARGET } from './people.js';
import type { Work } from './works.js';

/** What an iteration came to, by what the engine says of itself. */
interface Verdict {
  outcome: IterationOutcome;
  asTold: boolean;
  why?: string;
  rollback?: 'undone' | 'incident' | 'left';
}

/** How long an incident has to stand before it counts as where the handoff came to rest, milliseconds. */
const REST_MS = 1500;

/** Starts one handoff, sees to its agents, and waits until it has ended or waits for a person. It throws only where the test is stopped. */
export async function runIteration(bed: TestBed, work: Work): Promise<Ended> {
  const { request, expected, number } = work;
  const { checker, signal } = bed;
  const id = request.handoffId;
  const beganAt = Date.now();
  await persist(() => checker.expect(expected), signal);
  const verdict = await verdictOf(bed, work).catch((error: unknown): Verdict => {
    if (signal.aborted) throw error;
    return { outcome: 'refused', asTold: false, why: textOf(error) };
  });
  const durationMs = Date.now() - beganAt;
  bed.lookout.forget(id);
  await persist(() => checker.ended(id, verdict.outcome), signal);
  const { outcome, asTold, why, rollback } = verdict;
  return {
    iteration: {
      number,
      handoff: id,
      procedure: request.procedure,
      type: request.type ?? 'PHASE_TRANSITION',
      outcome,
      startedMs: beganAt - bed.beganAt,
      durationMs,
      asTold,
      ...(why === undefined ? {} : { why }),
    },
    ...(rollback === undefined ? {} : { rollback }),
  };
}

const textOf = (error: unknown): string =>
  error instanceof HandoffError ? `${error.code}: ${error.message}` : (error as Error).message;

async function verdictOf(bed: TestBed, work: Work): Promise<Verdict> {
  const { request, conduct } = work;
  const { client, storage, signal, lookout } = bed;
  const id = request.handoffId;
  const { phase } = request.source ?? {};
  if (phase !== undefined) {
    await persist(() => storage.sessions.setPhase(request.session, phase, 'completed', 'reliability'), signal);
  }
  // Under one id it begins once, so one that a fault refused is asked for again.
  await persist(() => client.start(request), signal);
  const rest = restOf(bed, work);
  if (conduct === 'cancel') void cancelOwn(client, id, SOURCE, signal).catch(() => {});
  try {
    const how = await rest;
    if (how.stuck) return { outcome: 'stuck', asTold: false, why: 'it did not move after the last fault' };
    if (how.incident) return await incidentVerdict(bed, id);
    return await endVerdict(bed, id).catch((error: unknown): Verdict => {
      if (signal.aborted) throw error;
      const outcome = error instanceof HandoffError && error.code === 'HANDOFF_TERMINATED' ? 'failed' : 'stuck';
      return { outcome, asTold: false, why: textOf(error) };
    });
  } finally {
    lookout.forget(id);
  }
}

/** Resolves when a handoff is closed, waits for a person, or does not move. */
function restOf(bed: TestBed, work: Work): Promise<{ stuck?: true; incident?: true }> {
  const { request, conduct } = work;
  const id = request.handoffId;
  const by = request.target?.agent ?? TARGET;
  const answering = { client: bed.client, agents: bed.stack.agents, signal: bed.signal };
  let answered = '';
  let rest: NodeJS.Timeout | undefined;
  const { signal } = bed;
  let stop = (): void => {};
  const came = new Promise<{ stuck?: true; incident?: true }>((resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop);
    const see = (sight: Sight): void => {
      clearTimeout(rest);
      if (sight.closed) return resolve({});
      if (sight.shown === 'incident') rest = setTimeout(() => resolve({ incident: true }), REST_MS);
      // An offer that is made again, after a lapsed lease, is another one.
      const offer = `${sight.status} ${sight.updatedAt}`;
      if (sight.shown !== 'awaiting_acceptance' || offer === answered) return;
      answered = offer;
      void answerOffer(answering, id, by, conduct).catch(() => (answered = ''));
    };
    bed.lookout.watch(id, see, () => resolve({ stuck: true }));
  });
  return came.finally(() => signal.removeEventListener('abort', stop));
}

async function incidentVerdict({ storage, signal }: TestBed, id: string): Promise<Verdict> {
  const stored = await persist(() => storage.handoffs.find(id), signal);
  const [incident] = stored?.state?.incidents ?? [];
  const rollback = stored?.state?.status === 'compensating' ? ({ rollback: 'incident' } as const) : {};
  if (stored?.shown !== 'incident' || !incident) {
    return { outcome: 'incident', asTold: false, why: 'it shows an incident and has none', ...rollback };
  }
  const { code, message } = incident.error;
  return { outcome: 'incident', asTold: true, why: `${code}: ${message}`, ...rollback };
}

/** How long a run may take from the record of its end to its end in Temporal, milliseconds. */
const CLOSING_MS = 30_000;

async function endVerdict({ client, storage, signal }: TestBed, id: string): Promise<Verdict> {
  const outcome = await persist(() => within(client.result(id), CLOSING_MS), signal, Date.now() + 4 * CLOSING_MS);
  const stored = await persist(() => storage.handoffs.find(id), signal);
  const wrong = await ledgerComplaint(storage, id, outcome, signal);
  const rollback = outcome.outcome === 'completed' ? {} : { rollback: wrong ? ('left' as const) : ('undone' as const) };
  const recorded = stored?.outcome?.outcome;
  const why =
    wrong ??
    (recorded === outcome.outcome
      ? undefined
      : `Temporal says ${outcome.outcome}, the record ${recorded ?? 'nothing'}`);
  const reason = outcome.outcome === 'completed' ? undefined : outcome.reason;
  const said = why ?? reason;
  return {
    outcome: outcome.outcome,
    asTold: why === undefined,
    ...(said === undefined ? {} : { why: said }),
    ...rollback,
  };
}

/** What of the ledger does not fit the outcome: nothing half-applied of a completed one, nothing left of the others. */
async function ledgerComplaint(
  storage: TestBed['storage'],
  id: string,
  { outcome, undone }: HandoffOutcome,
  signal: AbortSignal,
): Promise<string | undefined> {
  const effects = await persist(() => storage.ledger.list(id), signal);
  if (outcome === 'completed') {
    const open = effects.filter((e) => e.status === 'intended');
    return open.length > 0
      ? `completed with ${open.length} effects that were only intended: ${open[0]!.key}`
      : undefined;
  }
  const left = effects.filter((e) => e.status !== 'undone' && !e.irreversible);
  if (left.length > 0) return `${outcome} with ${left.length} effects that were not undone: ${left[0]!.key}`;
  const told = new Set(undone.map((u) => u.key));
  const untold = effects.find((e) => e.status === 'undone' && !told.has(e.key));
  return untold && `${untold.key} is undone, and the report does not say so`;
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const params = { what: 'The end of a run', seconds: ms / 1000 };
    timer = setTimeout(() => reject(new HandoffError('DEADLINE_EXCEEDED', params)), ms);
  });
  work.catch(() => {});
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
