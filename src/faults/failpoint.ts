import { AsyncLocalStorage } from 'node:async_hooks';
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorMap } from 'node:util';
import { HandoffError } from '../core/errors.js';
import type { Boundary } from './points.js';
import { seededRandom } from './random.js';
import { parseSettings, type PointFault, type Setting } from './setting.js';

/**
 * Named places at which a test can strike this process: {@link POINTS} of `points.ts`. Off unless `HANDOFF_FAILPOINTS` is
 * set, as `name=fault` or, for one step, `name:step=fault`, several by commas; `name=fault@2` strikes only the second
 * time, `name=fault%0.1` each time with that probability. Faults:
 *
 * - `kill`: SIGKILL to this process
 * - `fail`: ACTION_FAILED, which is retried; `refuse`: VALIDATION_FAILED, which is not
 * - `delay:<ms>`; `hang`: until the attempt is stopped or its time is over
 * - `errno:<CODE>`: the error that Node (`ENOSPC`) or SQLite (`SQLITE_BUSY`) would throw
 * - `pause`: until the file `HANDOFF_FAILPOINT_RELEASE` is there, so that somebody else can be struck meanwhile
 *
 * Each firing appends `name=fault` to `HANDOFF_FAILPOINT_LOG` before it strikes, so that a test can prove that its fault
 * really happened; the end of a delay, a hang and a pause appends `name=over`. Chance comes from `HANDOFF_FAILPOINT_SEED`,
 * and from `HANDOFF_FAILPOINT_STREAM`, which tells processes apart.
 */
let armed = armedBy(process.env);

/** Whether points can be set later: the variable is there, if only empty. Production has none, and pays nothing. */
const canArm = process.env['HANDOFF_FAILPOINTS'] !== undefined;

/** Sets other points from now on, for a test that this process is a part of; they count anew. Throws INVALID_FAILPOINTS. */
export function arm(failpoints: string): void {
  armed = armedBy({ ...process.env, HANDOFF_FAILPOINTS: failpoints });
}

/** Whether anything is set: asked before work that only a point needs. */
export const isArmed = (): boolean => armed !== undefined;

interface Armed extends Setting {
  reached: number;
  chance: () => number;
}

/** Throws INVALID_FAILPOINTS where this process starts, rather than not to strike. */
function armedBy(env: NodeJS.ProcessEnv): Map<string, Armed[]> | undefined {
  const settings = parseSettings(env['HANDOFF_FAILPOINTS'] ?? '');
  if (settings.length === 0) return undefined;
  const seed = env['HANDOFF_FAILPOINT_SEED'];
  const points = new Map<string, Armed[]>();
  for (const setting of settings) {
    const { point, text, rate } = setting;
    const entry = `${point}=${text}`;
    if (rate !== undefined && !/^\d{1,15}$/.test(seed ?? ''))
      throw new HandoffError('INVALID_FAILPOINTS', {
        entry: `${entry}%${rate}`,
        why: 'a probability needs HANDOFF_FAILPOINT_SEED, a whole number',
      });
    const chance = seededRandom(Number(seed), `${env['HANDOFF_FAILPOINT_STREAM'] ?? ''}/${entry}`);
    points.set(point, [...(points.get(point) ?? []), { ...setting, reached: 0, chance }]);
  }
  return points;
}

const attempts = new AsyncLocalStorage<AbortSignal>();

/** Runs one attempt of an activity: `hang` ends with its signal. */
export const duringAttempt = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> =>
  canArm ? attempts.run(signal, work) : work();

/** Comes by a point. */
export const failpoint = (name: string): Promise<void> | undefined => armed && strike(armed, name);

/** Comes by a boundary of a step or of its undo. */
export const boundary = (name: Boundary, step: string): Promise<void> | undefined => armed && strike(armed, name, step);

async function strike(points: Map<string, Armed[]>, name: string, step?: string): Promise<void> {
  const hit = reach(points, name, step);
  if (!hit) return;
  const { fault } = hit;
  const signal = attempts.getStore();
  if (fault.kind === 'hang') return hang(signal).finally(() => note(`${hit.at}=over`));
  if (fault.kind === 'delay') await sleep(fault.ms);
  else if (fault.kind === 'pause') while (!released()) await sleep(POLL_MS);
  else throw errorOf(name, fault);
  note(`${hit.at}=over`);
}

/** The same within a transaction or a system call, where nothing can wait but by standing still. */
export function failpointSync(name: string): void {
  const hit = armed && reach(armed, name);
  if (!hit) return;
  const { fault } = hit;
  if (fault.kind === 'delay') standStill(fault.ms);
  else if (fault.kind === 'pause') while (!released()) standStill(POLL_MS);
  else throw errorOf(name, fault);
  note(`${hit.at}=over`);
}

/** What strikes now, if anything: noted, and where it kills, done. */
function reach(
  points: Map<string, Armed[]>,
  name: string,
  step?: string,
): { at: string; fault: PointFault } | undefined {
  const at = step === undefined ? name : `${name}:${step}`;
  const here = [...((step !== undefined && points.get(at)) || []), ...(points.get(name) ?? [])];
  // All of them count each time, also those behind the one that strikes.
  const hits = here.filter((a) => {
    a.reached++;
    return a.rate === undefined ? a.reached === (a.only ?? a.reached) : a.chance() < a.rate;
  });
  const hit = hits[0];
  if (!hit) return undefined;
  note(`${at}=${hit.text}`);
  if (hit.fault.kind === 'kill') process.kill(process.pid, 'SIGKILL');
  return { at, fault: hit.fault };
}

const POLL_MS = 20;

function released(): boolean {
  const file = process.env['HANDOFF_FAILPOINT_RELEASE'];
  return file === undefined || existsSync(file);
}

const standStill = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** A timer keeps a process without an attempt alive, as something that hangs would. */
function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setInterval(() => {}, 60_000);
    const stop = (): void => {
      clearInterval(timer);
      reject(signal!.reason as Error);
    };
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

const SAYS: Record<string, string> = {
  SQLITE_BUSY: 'database is locked',
  SQLITE_FULL: 'database or disk is full',
  SQLITE_IOERR: 'disk I/O error',
};

function errorOf(name: string, fault: PointFault): Error {
  const why = 'a failpoint of a test';
  if (fault.kind === 'refuse') return new HandoffError('VALIDATION_FAILED', { step: name, failures: why });
  if (fault.kind !== 'errno') return new HandoffError('ACTION_FAILED', { action: name, why });
  const { code } = fault;
  const text = SAYS[code] ?? [...getSystemErrorMap().values()].find(([known]) => known === code)?.[1];
  const error = new Error(code.startsWith('SQLITE_') ? (text ?? code) : `${code}: ${text ?? why}, write`);
  return Object.assign(error, { code }, code.startsWith('SQLITE_') ? { name: 'SqliteError' } : { syscall: 'write' });
}

/** One write to a file opened for appending: lines of several processes do not mix. */
function note(line: string): void {
  const log = process.env['HANDOFF_FAILPOINT_LOG'];
  if (log) appendFileSync(log, `${line}\n`);
}
