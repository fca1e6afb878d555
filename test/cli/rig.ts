import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findServer } from '../../src/temporal/find-server.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const BIN = path.join(ROOT, 'bin', 'handoff.js');

/** Nothing of this machine's Temporal, no colours, and a server that can be found in no time. */
export function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL_|NO_COLOR|FORCE_COLOR)/.test(name));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: path.join(ROOT, 'no-such.toml') };
}

/** Finds or obtains the server once, so that no command has to; call it in `beforeAll`. */
export async function haveServer(): Promise<void> {
  if (!existsSync(path.join(ROOT, 'dist', 'cli', 'main.js'))) throw new Error('dist is missing: run `npm run build`');
  const found = await findServer({ env: environment(), log: console.log });
  if (found.kind === 'executable') process.env['HANDOFF_TEMPORAL_PATH'] = found.path;
}

export interface Running {
  child: ChildProcess;
  pid: number;
  stdout: () => string;
  stderr: () => string;
  ended: Promise<Ended>;
  /** Waits until it has printed this on stdout or stderr; throws if it ends before, or after 50 s. */
  says(text: string): Promise<void>;
}
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts `handoff …` as a user does. */
export function launch(
  args: string[],
  { input = '', env = {}, cwd = ROOT }: { input?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { ...environment(), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()));
  // It may end without reading.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  let over = false;
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (code, signal) => {
      over = true;
      resolve({ code, signal, stdout, stderr });
    }),
  );
  const says = async (text: string): Promise<void> => {
    for (const deadline = Date.now() + 50_000; !(stdout + stderr).includes(text); await sleep(20)) {
      if (over || Date.now() > deadline) throw new Error(`never said "${text}":\n${stdout}\n${stderr}`);
    }
  };
  return { child, pid: child.pid!, stdout: () => stdout, stderr: () => stderr, ended, says };
}

export const handoff = (args: string[], options?: { input?: string; env?: NodeJS.ProcessEnv }): Promise<Ended> =>
  launch(args, options).ended;

/** The one JSON value that a verb with `--json` prints. */
export async function json<T = Record<string, unknown>>(args: string[]): Promise<T> {
  const { stdout, stderr } = await handoff([...args, '--json']);
  try {
    return JSON.parse(stdout) as T;
  } catch {
    throw new Error(`handoff ${args.join(' ')} printed no JSON: ${stdout}\n${stderr}`);
  }
}

/** Processes with `text` among their arguments. */
export const processesWith = (text: string): string[] =>
  execFileSync('ps', ['-eo', 'pid=,stat=,args=', '-ww'], { encoding: 'utf8', maxBuffer: 1 << 24 })
    .split('\n')
    .filter((line) => line.includes(text) && !/^\s*\d+ Z/.test(line) && !line.includes('ps -eo'));
