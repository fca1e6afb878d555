import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { devNull, tmpdir } from 'node:os';
import path from 'node:path';
import type { Procedure } from '../core/procedure.js';
import { parseSettings } from '../faults/setting.js';
import { connectClient } from '../temporal/connect.js';
import { mountDisks } from './stack-disks.js';
import { startProxy } from './stack-proxy.js';
import { startServer } from './stack-server.js';
import { startWorkerProcess, type WorkerPlace } from './stack-worker.js';
import type { AgentSwitch, Stack } from './stack.js';

export interface StackOptions {
  /** Worker processes, 1 or more. */
  workers: number;
  /** Everything is in it; made if it is not there, and left. Default: a temporary one, removed at the end. */
  folder?: string;
  /** `host:port` of a server that runs. Default: an embedded one of our own, which can then be killed. */
  address?: string;
  /** Default `default`. */
  namespace?: string;
  /** Default: one of its own. */
  taskQueue?: string;
  /** A TCP proxy between workers and server. Default false. */
  proxy?: boolean;
  /** File systems of its own for the storage, that can be full. Left out where nobody may mount. Default false. */
  disks?: boolean;
  /** As in `HANDOFF_FAILPOINTS`, for every worker. Default: none. */
  failpoints?: string;
  /** What failpoints with a probability draw from. Whoever starts a stack prints it. Default 1. */
  seed?: number;
  /** A user's own parts: modules as `handoff worker --module` takes them, and procedures as data. */
  parts?: { modules?: readonly string[]; procedures?: readonly Procedure[] };
  durability?: 'process' | 'power';
  /** Hears what happens, a line at a time. Default: silence. */
  log?: (line: string) => void;
}

/**
 * Starts real processes to run handoffs on and to strike. They end with `close`, and with this process however it ends.
 * Throws INVALID_FAILPOINTS, TEMPORAL_UNREACHABLE, and what finding and launching a server throws.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { namespace = 'default', durability = 'process', failpoints = '', seed = 1, log = () => {} } = options;
  parseSettings(failpoints);
  const folder = options.folder ?? (await mkdtemp(path.join(tmpdir(), 'handoff-stack-')));
  const within = (name: string): string => path.join(folder, name);
  const closers: ((keep: boolean) => unknown)[] = [];
  const close = async (asked = false): Promise<void> => {
    const keep = asked || options.folder !== undefined;
    for (const end of closers.splice(0).toReversed()) await end(keep);
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    // Whatever a developer's shell is connected to, only a server of ours may be killed.
    const env = options.address === undefined ? withoutTemporal() : { ...process.env };
    const places = { data: within('data'), root: within('root'), sources: within('in') };
    for (const at of Object.values(places)) await mkdir(at, { recursive: true });
    const { sources, ...disks } = places;
    const mounted = options.disks ? await mountDisks(disks) : undefined;
    if (mounted) closers.push(mounted.unmount);

    const own =
      options.address === undefined ? await startServer({ folder, namespace, durability, env, log }) : undefined;
    if (own) closers.push(() => own.victim.kill());
    const address = own?.address ?? options.address!;
    const { connection } = await connectClient({ address, namespace, env });
    closers.push(() => connection.close());
    const proxy = options.proxy ? await startProxy(address) : undefined;
    if (proxy) closers.push(() => proxy.close());

    const taskQueue = options.taskQueue ?? `reliability-${randomUUID().slice(0, 8)}`;
    const storage = { folder: places.data, root: places.root, sources: [sources], durability };
    const { modules = [], procedures = [] } = options.parts ?? {};
    const points = { text: failpoints, log: within('failpoints.log'), release: within('release'), seed };
    const place = (number: number): WorkerPlace => ({
      task: { connect: { address: proxy?.address ?? address, namespace }, taskQueue, storage, modules, procedures },
      server: { connection, namespace },
      env,
      failpoints: points,
      logFile: within(`worker-${number}.log`),
    });
    const numbers = Array.from({ length: options.workers }, (_, i) => i + 1);
    const starting = numbers.map((n) => startWorkerProcess(n, place(n)));
    closers.push(async () => {
      // One that did not start has gone by itself.
      await Promise.all(starting.map((one) => one.then((worker) => worker.kill()).catch(() => undefined)));
    });
    const workers = await Promise.all(starting);
    log(`${workers.length} workers on task queue ${taskQueue} at ${address}, in ${folder}`);
    return {
      address,
      namespace,
      env,
      taskQueue,
      storage,
      workers,
      ...(own ? { server: own.victim } : {}),
      ...(proxy ? { proxy } : {}),
      ...(mounted ? { disks } : {}),
      agents: agentSwitch(),
      failpointLog: points.log,
      failpointRelease: points.release,
      seed,
      failpoints: () => points.text,
      rearm: async (text) => {
        parseSettings(text);
        points.text = text;
        await Promise.all(workers.map((worker) => worker.rearm(text)));
      },
      untilServes: async () => {
        await Promise.all(workers.map((worker) => worker.untilPolling()));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function withoutTemporal(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: devNull };
}

function agentSwitch(): AgentSwitch {
  let isSilent = false;
  let told = 0;
  return {
    mayAnswer: () => {
      if (isSilent) told++;
      return !isSilent;
    },
    silence: (on) => void (isSilent = on),
    silenced: () => told,
  };
}
