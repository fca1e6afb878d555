import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Whether `path` is a file that this user may run. */
export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The first executable called `name` in the folders of `env.PATH`, as a shell would find it. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    // An empty entry means the working directory to a shell; running what lies there is never what was meant.
    if (folder === '') continue;
    const candidate = join(folder, file);
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** The program is killed after this many milliseconds. Default: never. */
  timeoutMs?: number;
  /** Aborting kills the program. */
  signal?: AbortSignal;
  /** Called every 15 seconds with the seconds gone by, so that a long run does not look like a hang. */
  onWaiting?: (seconds: number) => void;
}

export interface RunResult {
  ok: boolean;
  /** The last 8,000 characters of what it printed, both streams together. */
  output: string;
  seconds: number;
}

/** Runs a program to its end. Never throws: a program that cannot be started is a result that is not ok. */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
  const { cwd, env = process.env, timeoutMs, signal, onWaiting } = options;
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  return new Promise((resolve) => {
    let output = '';
    const keep = (chunk: Buffer | string) => {
      output = (output + chunk.toString()).slice(-8_000);
    };
    const child = spawn(command, args, {
      cwd,
      env,
      signal,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killIt = () => child.kill('SIGKILL');
    process.once('exit', killIt);
    const ticker = setInterval(() => onWaiting?.(seconds()), 15_000);
    const finish = (ok: boolean) => {
      clearInterval(ticker);
      process.off('exit', killIt);
      resolve({ ok, output: output.trim(), seconds: seconds() });
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      keep(error.message);
      // An abort reports an error and then still closes; a failed spawn reports only the error.
      if (child.pid === undefined) finish(false);
    });
    child.once('close', (code) => finish(code === 0));
  });
}
