import type { HandoffClient } from '../../client.js';
import { DEFAULT_RETRY, type Procedure } from '../../core/procedure.js';
import type { ChaosCell } from '../../core/reliability/chaos.js';
import type { IterationOutcome } from '../../core/reliability/report.js';
import type { ReadyRequest } from './subject.js';

interface Ended {
  cell: ChaosCell;
  outcome: IterationOutcome;
  /** Whether it was to be undone. */
  isUndone: boolean;
}

/** What the engine itself says of a handoff that should not be so; what its receivers say is the checker's. */
export async function faultsOf(
  client: HandoffClient,
  request: ReadyRequest,
  procedure: Procedure,
  ended: Ended,
): Promise<string[]> {
  const { outcome, isUndone } = ended;
  if (outcome === 'stuck') return ['it neither ended nor waits for anybody'];
  // A person sees it, and decides: it has not ended.
  if (outcome === 'incident') return [];
  const completed = outcome === 'completed';
  return [
    ...(isUndone && completed ? ['its last step failed, and yet it completed'] : []),
    ...(!isUndone && !completed && !mayFail(procedure, ended.cell)
      ? [`it ${outcome}, and had nothing to fail of`]
      : []),
    ...(await ledgerFaults(client, request, completed)),
    ...(await stateFaults(client, request, procedure, completed)),
  ];
}

/** A kill uses up an attempt; where there is no other, the handoff is undone. */
function mayFail({ steps }: Procedure, cell: ChaosCell): boolean {
  const step = cell.kind === 'step' ? steps.find((s) => s.step_id === cell.step) : undefined;
  return (step?.retry?.maximum_attempts ?? DEFAULT_RETRY.maximum_attempts) < 2;
}

async function ledgerFaults(client: HandoffClient, request: ReadyRequest, completed: boolean): Promise<string[]> {
  const rows = await client.effects(request.handoffId);
  const wrong = rows.filter((r) => !r.irreversible && (completed ? r.status === 'intended' : r.status !== 'undone'));
  const standing = rows.filter((r) => r.status === 'applied').map((r) => `${r.step}/${r.effect}`);
  const twice = standing.filter((name, i) => standing.indexOf(name) !== i);
  return [
    ...wrong.map((r) => `the ledger has ${r.key} as ${r.status}`),
    ...twice.map((name) => `the ledger has ${name} as applied twice`),
  ];
}

/** In a session of its own each entry is written once, at version 1, and is gone when it is undone. */
async function stateFaults(
  client: HandoffClient,
  { session, context = {}, target }: ReadyRequest,
  { steps }: Procedure,
  completed: boolean,
): Promise<string[]> {
  if (!steps.some((s) => s.action === 'sync_state')) return [];
  const found = new Map((await client.sessions.context(session)).map((e) => [`context ${e.key}`, e.version]));
  const phase = target?.phase === undefined ? undefined : String(target.phase);
  const record = phase === undefined ? undefined : await client.sessions.phase(session, phase);
  if (record) found.set(`phase ${record.phase}`, record.version);
  const names = [
    ...Object.keys(context).map((key) => `context ${key}`),
    ...(phase === undefined ? [] : [`phase ${phase}`]),
  ];
  return names.flatMap((name) => {
    const version = found.get(name);
    if (completed && version !== 1) return [`${name} is ${version === undefined ? 'not set' : `set ${version} times`}`];
    return !completed && version !== undefined ? [`${name} is set, and was to be undone`] : [];
  });
}
