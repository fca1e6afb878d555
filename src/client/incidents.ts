import { HandoffError } from '../core/errors.js';
import type { HandoffFilter } from '../core/filter.js';
import type { HandoffState, Incident } from '../core/handoff.js';
import { repairWorkflowIdOf, workflowIdOf } from '../core/ids.js';
import type { Storage } from '../storage/storage.js';
import { withDeadline, type Caller } from './calls.js';
import type { Runs } from './runs.js';
import { summaryOf, type HandoffSummary } from './summary.js';
import { visibleHandoffs } from './visible.js';

/** One open incident, and whose it is. */
export interface OpenIncident {
  handoffId: string;
  incident: Incident;
  handoff: HandoffSummary;
  /** The run that takes the repair: after a terminated one another than the handoff's own. */
  workflowId: string;
  /**
   * Where it is known from. `storage`: no worker answered, so this is the last record; a second incident of the handoff
   * may be missing. `visibility`: there is no record either; `incident.at` is then the handoff's own beginning.
   */
  from: 'run' | 'storage' | 'visibility';
}

/** Runs that are asked at a time, and how long each is waited for. */
const AT_A_TIME = 20;
const PATIENCE_MS = 3000;

/** All open incidents of the handoffs that match, oldest first. Throws INVALID_REQUEST. */
export async function openIncidents(
  caller: Caller,
  storage: Storage | undefined,
  runs: Runs,
  given: HandoffFilter,
): Promise<OpenIncident[]> {
  const filter: HandoffFilter = { ...given, status: 'incident' };
  const stored = storage && (await storage.handoffs.list({ limit: 100_000, ...filter }));
  const found = stored
    ? stored.map((s) => ({ handoff: summaryOf(s), state: s.state }))
    : (await withDeadline(caller, 'The list', () => visibleHandoffs(caller.temporal, filter))).map((handoff) => ({
        handoff,
        state: undefined,
      }));
  // A record is written for the first incident of several; the run knows them all. Nobody is waited for twice.
  let silent = false;
  const lists: OpenIncident[][] = [];
  const queue = found.values();
  const asked = async (id: string): Promise<HandoffState | undefined> => {
    if (silent) return undefined;
    try {
      return (await runs.ask(id, PATIENCE_MS)).state;
    } catch (error) {
      silent ||= error instanceof HandoffError && ['NO_WORKER', 'DEADLINE_EXCEEDED'].includes(error.code);
      return undefined;
    }
  };
  const lane = async (): Promise<void> => {
    for (const { handoff, state } of queue) {
      const live = await asked(handoff.handoffId);
      if (live ?? state) lists.push(incidentsOf(handoff, (live ?? state)!, live ? 'run' : 'storage'));
      else lists.push(incidentSeen(handoff));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_A_TIME, found.length) }, lane));
  return oldestFirst(lists.flat());
}

/** The same from the last records alone, where no server can be reached. */
export async function storedIncidents(storage: Storage, filter: HandoffFilter): Promise<OpenIncident[]> {
  const stored = await storage.handoffs.list({ limit: 100_000, ...filter, status: 'incident' });
  return oldestFirst(stored.flatMap((s) => (s.state ? incidentsOf(summaryOf(s), s.state, 'storage') : [])));
}

const oldestFirst = (list: OpenIncident[]): OpenIncident[] => list.toSorted((a, b) => a.incident.at - b.incident.at);

function incidentsOf(handoff: HandoffSummary, state: HandoffState, from: OpenIncident['from']): OpenIncident[] {
  const { handoffId } = handoff;
  const workflowId = state.ending?.by === 'reconcile' ? repairWorkflowIdOf(handoffId) : workflowIdOf(handoffId);
  return state.incidents.map((incident) => ({ handoffId, incident, handoff, workflowId, from }));
}

/** What the search attribute says, where neither a run nor a record can: `incident inc-1: undo of send (CODE)`. */
function incidentSeen(handoff: HandoffSummary): OpenIncident[] {
  const { handoffId, blocked = '', createdAt } = handoff;
  const [, id = 'inc-1', undo, what = '', code = 'HANDOFF_TERMINATED'] =
    /^incident (\S+): (undo of )?(.*?)(?: \((\w+)\))?$/.exec(blocked) ?? [];
  const terminated = code === 'HANDOFF_TERMINATED';
  const kind = undo ? 'undo' : terminated ? 'terminated' : what === 'lease' ? 'lease' : 'step';
  const error = { code, message: 'no worker answers, so that more is not known' };
  const step = kind === 'step' || kind === 'undo' ? { step: what } : {};
  const workflowId = terminated ? repairWorkflowIdOf(handoffId) : workflowIdOf(handoffId);
  return [
    { handoffId, incident: { id, kind, ...step, at: createdAt, error }, handoff, workflowId, from: 'visibility' },
  ];
}
