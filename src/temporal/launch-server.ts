import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HandoffError } from '../core/errors.js';
import { isPortFree, pickPort } from './ports.js';
import { endWithUs, signalGroup } from './process-group.js';
import { serverError } from './server-errors.js';
import { serverArguments, serverEnvironment } from './server-flags.js';
import type { ServerSettings } from './server-flags.js';
import { openServerLog } from './server-log.js';
import { LostPort, isGone, untilReady } from './server-ready.js';

const STOP_GRACE_MS = 10_000;
const ATTEMPTS = 5;

export interface LaunchOptions extends ServerSettings {
  /** The Temporal CLI, or a program that takes the flags of its `server start-dev`. */
  executable: string;
  /** Default: a free one. */
  port?: number;
  /** Default: a free one. */
  uiPort?: number;
  /** What the server prints is appended to this file. Default: kept only until it runs. */
  logFile?: string;
  /** Default: 30,000. */
  startTimeoutMs?: number;
  /** Whether the server goes on when our process ends. Default: false, it ends with us however we end. */
  keepAlive?: boolean;
}

export interface RunningServer {
  /** `host:port`, for clients and workers. */
  address: string;
  /** The Web UI; absent with `headless`. */
  uiUrl?: string;
  pid: number;
  /** Resolves when the process is gone, for whatever reason; never rejects. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, and SIGKILL after 10 s; resolves when the process is gone. Takes about a second. */
  stop(): Promise<void>;
  /** SIGKILL. Loses nothing that was acknowledged, if there is a `dbFile`. */
  kill(): Promise<void>;
}

/**
 * Starts an embedded Temporal server, in a process group of its own so that a Ctrl-C does not reach it before our
 * workers have drained, and waits until it answers: 0.1–0.3 s, 1.5 s where it makes a new database file.
 *
 * @throws {HandoffError} `PORT_IN_USE`; `TEMPORAL_SERVER_FAILED`, with the last lines of the server's log
 */
export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  const { ip = '127.0.0.1', headless, port, uiPort } = options;
  const dbFile = options.dbFile === undefined ? undefined : resolve(options.dbFile);
  if (dbFile !== undefined) await mkdir(dirname(dbFile), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    for (const wanted of headless ? [port] : [port, uiPort]) {
      if (wanted && !(await isPortFree(ip, wanted))) throw portInUse(ip, wanted);
    }
    const settings = {
      ...options,
      dbFile,
      ip,
      port: port || (await pickPort(ip)),
      uiPort: headless ? 0 : uiPort || (await pickPort(ip)),
    };
    try {
      return await start(settings);
    } catch (error) {
      // The server picks ports of its own (history, metrics, …) and may lose one to a server that starts beside it.
      if (attempt === ATTEMPTS || !(error instanceof LostPort)) throw error;
    }
  }
}

async function start(settings: LaunchOptions & { ip: string; port: number; uiPort: number }): Promise<RunningServer> {
  const { executable, ip, port, uiPort, headless, keepAlive } = settings;
  const address = `${host(ip)}:${port}`;
  const log = await openServerLog(settings.logFile);
  const child = spawn(executable, serverArguments(settings), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: serverEnvironment(),
  });
  const spawned = new Promise<void>((done, fail) => child.once('spawn', done).once('error', fail));
  const exited: RunningServer['exited'] = new Promise((done) =>
    child.once('exit', (code, signal) => done({ code, signal })),
  );
  try {
    await spawned;
  } catch (cause) {
    await log.close();
    throw serverError(
      'TEMPORAL_SERVER_FAILED',
      `The Temporal server could not be run: ${(cause as Error).message}. Is ${executable} the Temporal CLI?`,
      { cause },
    );
  }

  const pid = child.pid!;
  const end = async (signal: NodeJS.Signals) => {
    child.ref();
    if (!isGone(child)) {
      signalGroup(pid, signal);
      const gone = await Promise.race([exited.then(() => true), sleep(STOP_GRACE_MS, false, { ref: false })]);
      if (!gone) signalGroup(pid, 'SIGKILL');
    }
    await exited;
  };
  if (keepAlive) child.unref();
  else void exited.then(endWithUs(pid));
  try {
    await untilReady({ ...settings, address, child, log });
  } catch (error) {
    await end('SIGKILL');
    throw error;
  } finally {
    await log.close();
  }
  return {
    address,
    ...(headless ? {} : { uiUrl: `http://${host(ip)}:${uiPort}` }),
    pid,
    exited,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

const host = (ip: string) => (ip.includes(':') ? `[${ip}]` : ip);

function portInUse(ip: string, port: number): HandoffError {
  return serverError(
    'PORT_IN_USE',
    `Port ${port} of ${ip} is in use, so the Temporal server cannot listen there. End the program that holds it or give another port; if it is a Temporal server, use it: TEMPORAL_ADDRESS=${host(ip)}:${port}`,
  );
}
