import type { Rig } from '../rig/rig.js';
import {
  SECOND,
  begin,
  differs,
  isHeld,
  mayWork,
  pass,
  take,
  type Clock,
  type Seen,
  type Sent,
  type Span,
  type Terms,
  type Who,
} from './pause-model.js';

/** A look at the run, placed by the time of the last task that it knows. */
export interface Look extends Seen {
  at: number;
}
/** An attempt at a step, as the step itself has it: when it began, and since when the server had it to give. */
export interface Begun {
  step: string;
  at: number;
  scheduled: number;
}
export interface Told {
  terms: Terms;
  looks: readonly Look[];
  begun: readonly Begun[];
  /** Spans in which no worker was there. */
  downs: readonly Span[];
  outcome: string;
  /** Milliseconds by which a start, once given out, may reach its step late; undefined: its clock is not the server's. */
  deliveryMs?: number;
}

interface Task {
  at: number;
  done: number;
  messages: Sent[];
  /** Steps that it has scheduled. */
  starts: string[];
}

type History = Awaited<ReturnType<Rig['history']>>;
type Payload = { data?: Uint8Array | null };

const ms = (t: { seconds?: unknown; nanos?: number | null } | null | undefined): number =>
  Number(t?.seconds ?? 0) * 1000 + (t?.nanos ?? 0) / 1e6;
const id = (n: { toString(): string } | null | undefined): number => Number(n?.toString() ?? 0);
const minutes = (n: unknown): number => Number(n) * 60_000;

function sent(name: string, payload: Payload | undefined, taken: number, downs: readonly Span[]): Sent {
  const m = JSON.parse(Buffer.from(payload?.data ?? []).toString()) as Record<string, string | number | undefined>;
  return {
    name: name as Sent['name'],
    taken,
    alone: downs.some(([from, to]) => taken > from && taken < to),
    ...(m['holder'] === undefined ? {} : { holder: m['holder'] as Who }),
    ...(m['at'] === undefined ? {} : { at: Date.parse(String(m['at'])) }),
    ...(m['until'] === undefined ? {} : { until: Date.parse(String(m['until'])) }),
    ...(m['leaseMinutes'] === undefined ? {} : { leaseMs: minutes(m['leaseMinutes']) }),
    ...(m['minutes'] === undefined ? {} : { byMs: minutes(m['minutes']) }),
  };
}

/** The tasks of a run that counted, each with the messages that it looked at. */
function tasksOf({ events }: History, downs: readonly Span[]): Task[] {
  const tasks: Task[] = [];
  let last = { event: 0, at: 0 };
  let waiting: { event: number; message: Sent }[] = [];
  for (const e of events ?? []) {
    const [event, at] = [id(e.eventId), ms(e.eventTime)];
    const signal = e.workflowExecutionSignaledEventAttributes;
    const done = e.workflowTaskCompletedEventAttributes;
    const update = e.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input;
    const type = e.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
    // A task that failed, or timed out, is followed by another start.
    if (e.workflowTaskStartedEventAttributes) last = { event, at };
    if (signal) waiting.push({ event, message: sent(signal.signalName!, signal.input?.payloads?.[0], at, downs) });
    if (done) {
      const [heard, later] = [waiting.filter((w) => w.event < last.event), waiting.filter((w) => w.event > last.event)];
      // A workflow's clock knows whole milliseconds only.
      tasks.push({ at: Math.floor(last.at), done: at, messages: heard.map((w) => w.message), starts: [] });
      waiting = later;
    }
    if (update) tasks.at(-1)!.messages.push(sent(update.name!, update.args?.payloads?.[0], at, downs));
    if (type.startsWith('work_')) tasks.at(-1)!.starts.push(type);
  }
  return tasks;
}

/** How often what was looked at has happened, so that a run of chance cannot prove nothing. */
export interface Counts {
  pauses: number;
  alone: number;
  looks: number;
  starts: number;
}

/** All in which a run differs from the model, from its history, from looks at it and from what its steps have logged. */
export function faultsOf(history: History, told: Told): { faults: string[]; counts: Counts } {
  const { terms, downs } = told;
  const faults: string[] = [];
  const counts = { pauses: 0, alone: 0, looks: 0, starts: told.begun.length };
  const tasks = tasksOf(history, downs);
  const created: Span = [ms(history.events![0]!.eventTime), tasks[0]!.at];
  let clocks: Clock[] = [begin(terms, created)];
  const pauses: { from: number; to: number }[] = [];
  tasks.forEach((task, i) => {
    const before = clocks;
    for (const m of task.messages) {
      const taken = clocks.flatMap((c) => take(c, m, task.at, terms) ?? []);
      if (taken.length === 0) faults.push(`${m.name} was taken after task ${i - 1}; was ${text(clocks)}`);
      else clocks = taken;
      if (m.name === 'pause') counts.pauses++;
      if (m.alone) counts.alone++;
    }
    clocks = clocks.flatMap((c) => pass(c, task.at, terms));
    if (task.starts.length > 0 && !clocks.some(mayWork))
      faults.push(`task ${i} starts ${task.starts.join()} though it is paused or over; ${text(clocks)}`);
    const held = clocks.every(isHeld);
    const open = pauses.at(-1);
    if (held && open?.to !== Infinity) pauses.push({ from: task.done, to: Infinity });
    else if (!held && open?.to === Infinity) open.to = task.at;
    const until = tasks[i + 1]?.at ?? Infinity;
    for (const look of told.looks.filter((l) => l.at >= task.at && l.at < until)) {
      counts.looks++;
      const agree = clocks.filter((c) => differs(c, look) === undefined);
      if (agree.length > 0) clocks = agree;
      // A question may be answered while the task is at work.
      else if (look.at < task.done + SECOND && before.some((c) => differs(c, look) === undefined)) continue;
      else faults.push(`after task ${i}: ${clocks.map((c) => differs(c, look)).join(' / ')}; was ${text(before)}`);
    }
  });
  const ends = new Set<string>(clocks.map((c) => (c.stage === 'accepted' && c.done ? 'completed' : c.stage)));
  if (!ends.has(told.outcome)) faults.push(`it ended ${told.outcome}, not ${[...ends].join(' or ')}; ${text(clocks)}`);
  for (const { step, at, scheduled } of told.begun) {
    const given = pauses.find((p) => scheduled > p.from && scheduled < p.to);
    if (given) faults.push(`an attempt at ${step} was given out ${scheduled - given.from} ms into a pause`);
    const late = pauses.find((p) => at > p.from + (told.deliveryMs ?? Infinity) && at < p.to);
    if (late) faults.push(`${step} began ${at - late.from} ms into a pause`);
  }
  return { faults, counts };
}

const text = (clocks: readonly Clock[]): string => JSON.stringify(clocks);
