import { DEFAULT_TASK_QUEUE } from '../core/request.js';
import type { Storage } from '../storage/storage.js';
import { connectClient, type ConnectOverrides } from '../temporal/connect.js';
import { createHandoffWorker, type Deployment, type HandoffWorker } from '../worker.js';
import type { Lifetime } from './lifetime.js';
import type { Parts } from './load-parts.js';

export interface RunningWorker {
  namespace: string;
  address: string;
  taskQueue: string;
  /** Why nothing comes to it yet, and what to do: its build is not the deployment's current one. */
  idle?: string;
  /** Rejects if the worker fails; resolves when it has ended. */
  ended: Promise<void>;
}

/** Starts a worker whose end is the lifetime's: it drains then. Returns when its poller is up. */
export async function startWorker(
  life: Lifetime,
  options: {
    connect: ConnectOverrides;
    storage: Storage;
    taskQueue?: string;
    parts?: Parts;
    deployment?: Deployment;
  },
): Promise<RunningWorker> {
  const { connect, storage, taskQueue = DEFAULT_TASK_QUEUE, parts, deployment } = options;
  const worker = await createHandoffWorker({ connect, storage, taskQueue, deployment, ...parts });
  const ended = worker.run();
  // Seen by whoever awaits it; a worker that is asked to stop twice throws.
  ended.catch(() => {});
  life.atEnd(async () => {
    if (worker.worker.getState() === 'RUNNING') worker.shutdown();
    await ended.catch(() => {});
  });
  const { address, namespace } = await life.until(untilPolling(worker, ended, connect, taskQueue, life.signal));
  const idle = deployment && (await whyIdle(connect, deployment).catch(() => undefined));
  return { address, namespace, taskQueue, ended, idle };
}

/** A worker is ready when the server knows its poller; its process being there says little. */
async function untilPolling(
  { worker }: HandoffWorker,
  ended: Promise<void>,
  connect: ConnectOverrides,
  taskQueue: string,
  signal: AbortSignal,
): Promise<{ address: string; namespace: string }> {
  const { connection, namespace, address } = await connectClient(connect);
  try {
    const over = ended.then(() => {
      throw new Error('the worker ended before it was ready');
    });
    over.catch(() => {});
    while (!signal.aborted) {
      const asked = connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: 1,
      });
      const { pollers } = await Promise.race([asked, over]);
      if (pollers?.some((p) => p.identity === worker.options.identity)) break;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), over]);
    }
    return { address, namespace };
  } finally {
    await connection.close();
  }
}

async function whyIdle(connect: ConnectOverrides, { name, buildId }: Deployment): Promise<string | undefined> {
  const { connection, namespace, address } = await connectClient(connect);
  try {
    const asked = connection.workflowService.describeWorkerDeployment({ namespace, deploymentName: name });
    // 5 = NOT_FOUND: the server hears of a deployment a moment after its first poll.
    const known = await asked.catch((error: { code?: unknown }) => {
      if (error.code !== 5) throw error;
    });
    const current = known?.workerDeploymentInfo?.routingConfig?.currentDeploymentVersion;
    if (current?.buildId === buildId) return undefined;
    const command = `temporal worker deployment set-current-version --deployment-name ${name} --build-id ${buildId} --address ${address} --namespace ${namespace}`;
    return `New handoffs go to ${current?.buildId ? `build ${current.buildId}` : 'workers without a deployment'}. To make this build the current one: ${command}`;
  } finally {
    await connection.close();
  }
}
