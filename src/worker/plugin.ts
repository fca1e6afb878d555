import { readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import type {
  BundleOptions,
  BundlerPlugin,
  ReplayWorkerOptions,
  Worker,
  WorkerOptions,
  WorkerPlugin,
} from '@temporalio/worker';
import { HandoffError } from '../core/errors.js';
import { REPAIR_TYPE } from '../core/ids.js';
import { openStorage, type Storage } from '../storage/storage.js';
import { WORKFLOWS, bundleWith, workflowBundle } from '../temporal/bundle.js';
import { connectClient, type ConnectOverrides } from '../temporal/connect.js';
import { shareBundle } from '../temporal/shared-bundle.js';
import { setUp, type WorkerParts } from './setup.js';

export interface HandoffPluginOptions extends WorkerParts {
  /** Default: `openStorage()`, the folder `.handoff`. */
  storage?: Storage;
  /** A Temporal client on the worker's namespace. Default: one of its own, by `connect`. */
  temporal?: Client;
  /** Where to connect without `temporal`. Default: the TOML profile and the `TEMPORAL_*` variables. */
  connect?: ConnectOverrides;
}

/** Temporal's plugin, whose part in the workflows is ours: src/workflows/tracing.ts says why. */
const TRACING = 'OpenTelemetryPlugin';
const configuresBundler = (plugin: object): plugin is BundlerPlugin & { name: string } => 'configureBundler' in plugin;

const conflict = (why: string): HandoffError => new HandoffError('PLUGIN_CONFLICT', { why });

/**
 * Adds handoffs to a worker of your own: their workflows, activities, search attributes and schedule beside yours. Give
 * it to `Worker.create({ plugins: [new HandoffPlugin()] })`, one plugin a worker; to `bundleWorkflowCode`, where you
 * bundle beforehand; and to `Worker.runReplayHistories`. Throws PLUGIN_CONFLICT where both have a part of one name.
 */
export class HandoffPlugin implements WorkerPlugin, BundlerPlugin {
  readonly name = 'handoff';
  private used = false;
  private readonly opened: (() => Promise<unknown>)[] = [];

  constructor(private readonly options: HandoffPluginOptions = {}) {}

  configureBundler(options: BundleOptions): BundleOptions {
    return shareBundle(options);
  }

  async configureReplayWorker(options: ReplayWorkerOptions): Promise<ReplayWorkerOptions> {
    return { ...options, ...(await bundleOf(options)) };
  }

  async configureWorker(options: WorkerOptions): Promise<WorkerOptions> {
    if (this.used) throw conflict('one plugin serves one worker; make another for this one');
    this.used = true;
    const { namespace = 'default', taskQueue } = options;
    try {
      const bundle = await bundleOf(options);
      const client = this.options.temporal ?? (await this.connect(namespace));
      if (client.options.namespace !== namespace)
        throw conflict(`its client is for namespace ${client.options.namespace}, the worker for ${namespace}`);
      const ours = await setUp({ storage: await this.storage(), client, taskQueue }, this.options);
      const theirs = options.activities ?? {};
      const both = Object.keys(ours).filter((name) => name in theirs);
      if (both.length > 0) throw conflict(`both have an activity ${both.join(', ')}; name yours otherwise`);
      return {
        shutdownGraceTime: 10_000,
        // A pause and a cancellation travel with the heartbeat's answer; by default they would wait for 4 s.
        maxHeartbeatThrottleInterval: 900,
        // What lies with a worker that has died waits this long for the next; by default 10 s.
        stickyQueueScheduleToStartTimeout: '5s',
        ...options,
        ...bundle,
        activities: { ...theirs, ...ours },
      };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    try {
      await next(worker);
    } finally {
      await this.close();
    }
  }

  /** Closes what it opened. A worker that ran does it at its end; call it where `Worker.create` failed. */
  async close(): Promise<void> {
    for (const close of this.opened.splice(0).toReversed()) await close();
  }

  private async storage(): Promise<Storage> {
    if (this.options.storage) return this.options.storage;
    const storage = await openStorage();
    this.opened.push(() => storage.close());
    return storage;
  }

  private async connect(namespace: string): Promise<Client> {
    const { client, connection } = await connectClient({ ...this.options.connect, namespace });
    this.opened.push(() => connection.close());
    return client;
  }
}

/**
 * Our own bundle, where the user has no workflows: the one of the build, or one made now, where plugins or interceptors
 * have a part in it. Theirs, which must have ours in it; none, where it is yet to be made.
 */
async function bundleOf(options: ReplayWorkerOptions): Promise<Pick<WorkerOptions, 'workflowBundle' | 'interceptors'>> {
  const { workflowsPath, workflowBundle: given, interceptors: { workflowModules, ...interceptors } = {} } = options;
  if (!given && workflowsPath) return {};
  if (!given) {
    const plugins = (options.plugins ?? []).filter((p) => !(p instanceof HandoffPlugin) && configuresBundler(p));
    const traced = plugins.some((p) => p.name === TRACING);
    const others = plugins.filter((p) => p.name !== TRACING);
    const modules = workflowModules ?? [];
    if (others.length === 0 && modules.length === 0) return { workflowBundle: workflowBundle({ traced }) };
    const made = await bundleWith(others, traced ? [WORKFLOWS.tracing, ...modules] : modules);
    return { workflowBundle: made, ...(options.interceptors ? { interceptors } : {}) };
  }
  const code = 'code' in given ? given.code : await readFile(given.codePath, 'utf8');
  if (!code.includes(REPAIR_TYPE))
    throw conflict('its workflowBundle was made without it: bundleWorkflowCode({ …, plugins: [new HandoffPlugin()] })');
  return { workflowBundle: given };
}
