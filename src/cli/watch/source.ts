import type { HandoffClient, RunStatus } from '../../client.js';
import type { Effect } from '../../core/effect.js';
import { shownStatus, type HandoffOutcome, type HandoffState } from '../../core/handoff.js';
import { DEFAULT_TASK_QUEUE } from '../../core/request.js';
import type { HandoffFilter } from '../../core/filter.js';
import type { Storage } from '../../storage/storage.js';
import { connectTo, storageIfThere, uiUrlOf, type PlaceOptions } from '../place.js';
import type { Watched } from './rows.js';

/** More are counted by nobody. */
const MOST = 5000;
/** Runs asked in one round, and at a time: a question costs its worker a few milliseconds, and a replay if it is not cached. */
const ROUND = 24;
const AT_A_TIME = 4;
/** How old an answer may be of a run that waits for somebody: its record follows when that changes. */
const WAITS_MS = 20_000;
/** A call's time: two questions to one run with a task in flight take up to 2 s each. */
const DEADLINE_MS = 6000;
const CONNECT_MS = 1500;
const CONNECT_AGAIN_MS = 5000;
const PAST_MS = 30_000;

interface Connected {
  client: HandoffClient;
  uiUrl: string | undefined;
  address: string;
}
interface Answer extends RunStatus {
  askedAt: number;
}

/** What `handoff watch` knows: the records of the folder, and what runs answer. */
export class Source {
  private connected: Promise<Connected> | undefined;
  private triedAt = 0;
  private readonly answers = new Map<string, Answer>();
  private readonly pasts = new Map<string, { at: number; states: HandoffState[] }>();
  /** The Web UI of `handoff dev`, where that is who we are connected to. */
  uiUrl: string | undefined;
  /** Why what is shown may be old. */
  note: string | undefined;

  private constructor(
    private readonly options: PlaceOptions,
    readonly storage: Storage | undefined,
  ) {}

  /** Throws TEMPORAL_UNREACHABLE where there is neither a folder nor a server. */
  static async open(options: PlaceOptions): Promise<Source> {
    const storage = await storageIfThere(options);
    const source = new Source(options, storage);
    if (!storage) await source.connect();
    return source;
  }

  /**
   * Connections are left to the end of the process: the SDK repeats a call that nobody answers beyond its deadline, and
   * one that it repeats on a closed connection ends the process with an error.
   */
  async close(): Promise<void> {
    await this.storage?.close();
  }

  /** Everything in flight: its record, or what its run has answered since. */
  async inFlight(filter: HandoffFilter): Promise<Watched[]> {
    const query = { ...filter, open: true, limit: MOST };
    const all: Watched[] = this.storage
      ? (await this.storage.handoffs.list(query)).map((h) => ({
          ...h,
          handoffId: h.subject.handoffId,
          procedure: h.subject.procedure.id,
        }))
      : await (await this.connect()).client.list(query);
    const ids = new Set(all.map((h) => h.handoffId));
    for (const id of this.answers.keys()) if (!ids.has(id)) this.answers.delete(id);
    return all.map((h) => newer(h, this.answers.get(h.handoffId)));
  }

  /** Asks some of these runs what they do, those first that were not asked for long. One round at a time, please. */
  async ask(all: readonly Watched[], answered: () => void): Promise<void> {
    const now = Date.now();
    const due = all
      .map((h) => ({ h, askedAt: this.answers.get(h.handoffId)?.askedAt ?? 0 }))
      .filter(({ h, askedAt }) => askedAt === 0 || moves(h) || now - askedAt > WAITS_MS)
      .toSorted((a, b) => a.askedAt - b.askedAt)
      .slice(0, ROUND);
    if (due.length === 0) return;
    const connected = await this.connectAgain();
    if (!connected) return;
    let heard = 0;
    const askNext = async (): Promise<void> => {
      for (let next = due.shift(); next; next = due.shift()) {
        const { handoffId } = next.h;
        const answer = await connected.client.status(handoffId).catch(() => undefined);
        if (answer?.from === 'run') {
          heard++;
          this.answers.set(handoffId, { ...answer, askedAt: Date.now() });
          answered();
        } else if (heard === 0) {
          // Nobody is there: the others would only wait as long.
          due.length = 0;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, askNext));
    await this.heard(heard > 0);
  }

  /** What one handoff is doing; its record where nobody answers. Throws HANDOFF_NOT_FOUND. */
  async status(id: string): Promise<RunStatus> {
    const connected = this.storage ? await this.connectAgain() : await this.connect();
    if (connected) {
      const status = await connected.client.status(id);
      await this.heard(status.from === 'run');
      return status;
    }
    const { HandoffError } = await import('../../core/errors.js');
    const stored = await this.storage?.handoffs.find(id);
    if (!stored) throw new HandoffError('HANDOFF_NOT_FOUND', { handoff: id });
    const { subject, state, status, updatedAt } = stored;
    return { handoffId: id, status, from: 'storage', subject, at: updatedAt, ...(state ? { state } : {}) };
  }

  /** What the folder knows of one handoff beside its state. */
  async more(id: string): Promise<{
    effects?: Effect[];
    attempts: Record<string, { epoch: number; attempts: number }>;
    outcome?: HandoffOutcome;
  }> {
    if (!this.storage) return { attempts: {} };
    const { ledger, steps, handoffs } = this.storage;
    const [effects, attempts, record] = [await ledger.list(id), await steps.list(id), await handoffs.find(id)];
    return { effects, attempts, ...(record?.outcome ? { outcome: record.outcome } : {}) };
  }

  /** The states of completed handoffs of a procedure. */
  async past(procedure: string): Promise<HandoffState[]> {
    const known = this.pasts.get(procedure);
    if (known && Date.now() - known.at < PAST_MS) return known.states;
    const states = (await this.storage?.handoffs.completedStates(procedure)) ?? [];
    this.pasts.set(procedure, { at: Date.now(), states });
    return states;
  }

  private async heard(anything: boolean): Promise<void> {
    this.note = anything ? undefined : 'No worker answers; this is from the last records.';
    if (anything) return;
    // A connection comes back by itself, but a `handoff dev` that was started again may be at another address.
    const { address } = await connectTo(this.options);
    const connected = await this.connected?.catch(() => undefined);
    if (address !== undefined && address !== connected?.address) this.connected = undefined;
  }

  /** Not more often than every few seconds, where nobody is there. */
  private async connectAgain(): Promise<Connected | undefined> {
    if (!this.connected && Date.now() - this.triedAt < CONNECT_AGAIN_MS) return undefined;
    try {
      return await this.connect();
    } catch {
      this.note = 'No Temporal server answers; this is from the last records.';
      return undefined;
    }
  }

  private connect(): Promise<Connected> {
    if (this.connected) return this.connected;
    this.triedAt = Date.now();
    const connected = connectedTo(this.options, this.storage);
    this.connected = connected;
    connected.then(
      ({ uiUrl }) => (this.uiUrl = uiUrl),
      () => {
        if (this.connected === connected) this.connected = undefined;
      },
    );
    return connected;
  }
}

async function connectedTo(options: PlaceOptions, storage: Storage | undefined): Promise<Connected> {
  const [{ HandoffClient }, { connectClient }] = await Promise.all([
    import('../../client.js'),
    import('../../temporal/connect.js'),
  ]);
  const overrides = { ...(await connectTo(options)), ...(storage ? { timeoutMs: CONNECT_MS } : {}) };
  const { client: temporal, namespace, address } = await connectClient(overrides);
  const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
  const client = new HandoffClient({ temporal, storage, taskQueue, deadlineMs: DEADLINE_MS });
  const uiUrl = uiUrlOf(options.folder, address, namespace);
  return { client, uiUrl, address };
}

/** Whether its state changes without its record: the record follows the status, not each step. */
function moves({ state, status }: Watched): boolean {
  return (
    !state || ['running', 'compensating', 'draining', 'accepted'].includes(shownStatus(state)) || status === 'pending'
  );
}

function newer(h: Watched, answer: Answer | undefined): Watched {
  if (!answer?.state || (h.state && h.state.lastEventAt > answer.state.lastEventAt)) return h;
  const { state, status, subject } = answer;
  return { ...h, state, status, ...(subject ? { subject } : {}) };
}
