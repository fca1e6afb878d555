import {
  ActivityCancellationType,
  ActivityFailure,
  ApplicationFailure,
  TimeoutFailure,
  isCancellation,
  log,
  proxyActivities,
  proxyLocalActivities,
  type ActivityOptions,
} from '@temporalio/workflow';
import { errorMessage } from '../../core/errors.js';
import type { Failure } from '../../core/handoff.js';
import { DEFAULT_RETRY, DEFAULT_STEP_TIMEOUT_S, type Step } from '../../core/procedure.js';
import { list } from '../../core/returns.js';
import type { EngineActivities, Opened, OpenTask, ReturnTask, StepTask } from '../../core/task.js';

type Facts = Record<string, unknown>;
/** Actions go by name: a user's own are not known here. */
type ActionActivities = Record<string, (task: StepTask) => Promise<Facts>>;

/** The activity wrapper beats every second; a dead worker is found in this time. */
const HEARTBEAT_TIMEOUT = '5s';

/**
 * From the moment in which it is asked for; a task may have two of them. One that lasts 8 s has to beat, and the SDK
 * (1.24.0) gives a run whose first task did so another time at its replay.
 */
const LOCAL_TIMEOUT_MS = 3000;

/** Local work: one attempt, and short, so that signals are heard soon. */
const local = (
  summary: string,
  timeoutMs: number = LOCAL_TIMEOUT_MS,
): ReturnType<typeof proxyLocalActivities<EngineActivities>> =>
  proxyLocalActivities<EngineActivities>({
    startToCloseTimeout: timeoutMs,
    scheduleToCloseTimeout: timeoutMs,
    retry: { maximumAttempts: 1 },
    summary: summary.slice(0, 120),
  });

// A workflow has its own modules, so these are of one run.
let lastLocal: Promise<unknown> = Promise.resolve();
let steered = false;

/**
 * From now on this run does without local activities. Where a query is answered while one ends, and a message comes with
 * the next workflow task, the SDK (1.24.0) tells the workflow of its end after the message, and at a replay before it.
 * A run that nobody has sent anything to is safe; the first message ends the time of local activities.
 */
export const goRegular = (): void => {
  steered = true;
};

/**
 * One local activity at a time in a run. Two that end together are resolved one by one when it happens, but in one go
 * when it is replayed, and what follows each would then come in another order.
 */
function inTurn<T>(call: () => Promise<T>): Promise<T> {
  const result = lastLocal.then(call);
  lastLocal = result.catch(() => undefined);
  return result;
}

/** What the Web UI's timeline calls our own records. */
const RECORDS = {
  openHandoff: 'Registers the handoff',
  projectHandoff: 'Records its state',
  checkPending: 'Looks whether it can start',
  stepAttempts: 'Counts attempts',
  childStarted: 'Records what was started',
} as const;

const regular = (summary: string): ReturnType<typeof proxyActivities<EngineActivities>> =>
  proxyActivities<EngineActivities>({
    startToCloseTimeout: '60s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    summary,
  });

type Result<K extends keyof EngineActivities> = Promise<Awaited<ReturnType<EngineActivities[K]>>>;
type Call<K extends keyof EngineActivities> = (...args: Parameters<EngineActivities[K]>) => Result<K>;

/** Work that must get done however long it takes: a regular activity without a limit of attempts. */
export const record = <K extends keyof typeof RECORDS>(name: K, ...args: Parameters<EngineActivities[K]>): Result<K> =>
  (regular(RECORDS[name])[name] as unknown as Call<K>)(...args);

/**
 * The same, locally where it can be: at the beginning and the end of a run. What cannot be mended by repeating it is
 * thrown.
 */
export async function recordQuickly<K extends keyof typeof RECORDS>(
  name: K,
  ...args: Parameters<EngineActivities[K]>
): Result<K> {
  if (steered) return record(name, ...args);
  try {
    return await inTurn(() => (local(RECORDS[name])[name] as unknown as Call<K>)(...args));
  } catch (error) {
    if (isNonRetryable(error)) throw error;
    log.warn(`${name} did not succeed locally`, { error: failureOf(error).message });
    return record(name, ...args);
  }
}

/** Whether this run does without local activities. */
export const isRegular = (): boolean => steered;

const isOver = ({ ran }: Opened, step: string): boolean => ran.some((r) => r.step === step && r.facts !== undefined);

/**
 * Registers the handoff, and where it can runs its first steps with it: `mayRun` is asked in the moment in which it is
 * called, when all that came before the run began has been heard.
 */
export async function registers(task: OpenTask, quick: readonly Step[], mayRun: () => boolean): Promise<Opened> {
  const { quick: tasks, closes: _, ...alone } = task;
  if (!steered && tasks?.length) {
    const names = quick.map((s) => s.name);
    const timeouts = quick.map((s) => (s.timeout ?? DEFAULT_STEP_TIMEOUT_S) * 1000);
    const call = local(`${RECORDS.openHandoff}: ${names.join(', ')}`, Math.min(LOCAL_TIMEOUT_MS, ...timeouts));
    try {
      const opened = await inTurn(() => (!steered && mayRun() ? call.openHandoff(task) : Promise.resolve(undefined)));
      // What was too slow once may be so again.
      if (opened && tasks.some(({ step, action }) => action !== 'confirm' && !isOver(opened, step))) goRegular();
      if (opened) return opened;
    } catch (error) {
      if (isNonRetryable(error)) throw error;
      log.warn('the first steps did not succeed locally', { error: failureOf(error).message });
      goRegular();
      return record('openHandoff', alone);
    }
  }
  return recordQuickly('openHandoff', alone);
}

export const { beginUndo } = regular('Looks up what is to be undone');
export const { requestCancel } = regular('Asks Temporal to close it as cancelled');

/** Options of a step's regular activity. `used`: attempts that an earlier activity for the same step has had. */
function stepOptions(step: Step, used: number, summary: string): ActivityOptions {
  const r = { ...DEFAULT_RETRY, ...step.retry };
  return {
    startToCloseTimeout: (step.timeout ?? DEFAULT_STEP_TIMEOUT_S) * 1000,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: summary.slice(0, 120),
    retry: {
      maximumAttempts: Math.max(1, r.maximum_attempts - used),
      initialInterval: r.initial_interval * 1000,
      backoffCoefficient: r.backoff_coefficient,
      ...(r.maximum_interval ? { maximumInterval: r.maximum_interval * 1000 } : {}),
    },
  };
}

export const maximumAttempts = (step: Step): number => step.retry?.maximum_attempts ?? DEFAULT_RETRY.maximum_attempts;

/** A step's action as a regular activity. */
export const callAction = (step: Step, task: StepTask, used: number): Promise<Facts> =>
  proxyActivities<ActionActivities>(stepOptions(step, used, step.name))[step.action]!(task);

const rulesText = (step: Step, task: StepTask): string => `${step.name}: ${task.rules.join(', ')}`;

/** A check as a local activity, of one attempt; undefined where this run does without them. */
export const callQuickValidate = (step: Step, task: StepTask): ReturnType<EngineActivities['validate']> | undefined =>
  steered ? undefined : inTurn(() => local(rulesText(step, task)).validate(task));

/** A check as a regular activity, after it failed locally or because it is not quick. */
export const callValidate = (step: Step, task: StepTask): ReturnType<EngineActivities['validate']> =>
  proxyActivities<EngineActivities>(stepOptions(step, 0, rulesText(step, task))).validate(task);

/** The undo of some effects of a step: the step's own time-out for each, and the default retries. */
export const callUndo = (step: Step | undefined, effects: number, summary: string): EngineActivities['undo'] =>
  proxyActivities<EngineActivities>({
    startToCloseTimeout: (step?.timeout ?? DEFAULT_STEP_TIMEOUT_S) * 1000 * effects,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    summary: summary.slice(0, 120),
    retry: { maximumAttempts: DEFAULT_RETRY.maximum_attempts, initialInterval: '1s', backoffCoefficient: 2 },
  }).undo;

/** The package of a pause: tried as often as a step, and never held against anything. */
export const callCheckpoint: EngineActivities['checkpointHandoff'] = (task) =>
  proxyActivities<EngineActivities>({
    startToCloseTimeout: '60s',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    summary: 'Writes a checkpoint package',
    retry: { maximumAttempts: DEFAULT_RETRY.maximum_attempts, initialInterval: '1s', backoffCoefficient: 2 },
  }).checkpointHandoff(task);

/** However large what comes back is: its activity beats, so that a dead worker is found all the same. */
const RECEIVE_TIMEOUT = '6h';

/** Looks at what an agent returns, and takes it; stopped only by the end of the handoff. */
export const callReceiveReturn = (task: ReturnTask): ReturnType<EngineActivities['receiveReturn']> =>
  proxyActivities<EngineActivities>({
    startToCloseTimeout: RECEIVE_TIMEOUT,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `Receives ${list(task.artifacts.map((a) => a.name))}`.slice(0, 120),
    retry: { maximumAttempts: DEFAULT_RETRY.maximum_attempts, initialInterval: '1s', backoffCoefficient: 2 },
  }).receiveReturn(task);

/** The error that an activity threw, below Temporal's wrapping. */
const rootOf = (error: unknown): unknown => (error instanceof ActivityFailure && error.cause ? error.cause : error);

const CODE = /^[A-Z][A-Z0-9_]+$/;

export function failureOf(error: unknown): Failure {
  const root = rootOf(error);
  if (root instanceof ApplicationFailure) {
    // An error that is none of ours and names no code of its own comes with the name of its class as type.
    const code = root.type && CODE.test(root.type) ? root.type : 'ACTION_FAILED';
    return { code, message: root.message.slice(0, 1000) };
  }
  if (root instanceof TimeoutFailure)
    return { code: 'STEP_TIMEOUT', message: errorMessage('STEP_TIMEOUT', { kind: String(root.timeoutType) }) };
  return { code: 'ACTION_FAILED', message: (root instanceof Error ? root.message : String(root)).slice(0, 1000) };
}

export const detailsOf = (error: unknown): Record<string, unknown> => {
  const root = rootOf(error);
  return root instanceof ApplicationFailure ? ((root.details?.[0] as Record<string, unknown> | undefined) ?? {}) : {};
};

export const isNonRetryable = (error: unknown): boolean => {
  const root = rootOf(error);
  return root instanceof ApplicationFailure && root.nonRetryable === true;
};

/** Whether an activity ended because we asked it to, rather than by itself. */
export const wasStopped = (error: unknown): boolean =>
  isCancellation(error) || (error instanceof ActivityFailure && error.retryState === 'CANCEL_REQUESTED');
