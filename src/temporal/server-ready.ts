import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { HandoffError } from '../core/errors.js';
import { channelArgsFor } from './connect.js';
import { isListening } from './ports.js';
import { serverError } from './server-errors.js';
import type { ServerLog } from './server-log.js';

const START_TIMEOUT_MS = 30_000;

interface Launch {
  executable: string;
  ip: string;
  port: number;
  /** `ip` and `port` as clients write them. */
  address: string;
  namespace?: string;
  startTimeoutMs?: number;
  child: ChildProcess;
  log: ServerLog;
}

/** A server that ended because a port of its own choice, or ours, was taken in the meantime: worth another try. */
export class LostPort extends HandoffError {}

/** Whether the process has ended. */
export const isGone = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/**
 * Waits until the server that `child` is answers for its namespace.
 *
 * @throws {HandoffError} `TEMPORAL_SERVER_FAILED`, as `LostPort` where another try may help, with the log's last lines
 */
export async function untilReady(launch: Launch): Promise<void> {
  const {
    executable,
    ip,
    port,
    address,
    child,
    log,
    namespace = 'default',
    startTimeoutMs = START_TIMEOUT_MS,
  } = launch;
  const deadline = Date.now() + startTimeoutMs;
  let answeredAt: number | undefined;
  for (;;) {
    if (isGone(child)) {
      const tail = await log.tail();
      const message = `The Temporal server (${executable}) ended with ${child.signalCode ?? `code ${child.exitCode ?? 'unknown'}`} before it answered at ${address}.${tail}`;
      throw new (/address already in use|can't (set|use default) .*port/i.test(tail) ? LostPort : HandoffError)(
        'TEMPORAL_SERVER_FAILED',
        { why: message },
      );
    }
    if (Date.now() >= deadline) {
      throw serverError(
        'TEMPORAL_SERVER_FAILED',
        `The Temporal server (${executable}) did not answer at ${address} within ${startTimeoutMs / 1000} s.${await log.tail()}`,
      );
    }
    if (answeredAt === undefined && (await isListening(ip, port)) && (await answers(address, namespace)))
      answeredAt = Date.now();
    // What answers may be a server that took the port a moment before ours, which is then about to end. Ours says
    // that it runs; a program that does not say so is believed when it is still there after a second.
    if (answeredAt !== undefined && !isGone(child) && ((await log.says('Server:')) || Date.now() - answeredAt > 1_000))
      return;
    await sleep(20);
  }
}

async function answers(address: string, namespace: string): Promise<boolean> {
  const connection = Connection.lazy({ address, channelArgs: channelArgsFor(address) });
  try {
    await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}
