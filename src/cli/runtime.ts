import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { DefaultLogger, Runtime, makeTelemetryFilterString, type LogEntry } from '@temporalio/worker';

/**
 * Sets up Temporal's runtime for a process that has workers: its log goes to `write`, a line an entry, and signals are
 * left to us. With `metricsPort`, the SDK serves its own metrics there, on loopback. Before the first worker, once a process.
 */
export function installRuntime(
  write: (line: string) => void,
  { stacks, metricsPort }: { stacks: boolean; metricsPort?: number | undefined },
): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => write(lineOf(entry, stacks))),
    shutdownSignals: [],
    telemetryOptions: {
      ...(metricsPort === undefined ? {} : { metrics: { prometheus: { bindAddress: `127.0.0.1:${metricsPort}` } } }),
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
    },
  });
}

/** Appends lines to a file. Synchronous, so that the last ones are there however we end. */
export function openLog(file: string): { write: (line: string) => void; close: () => void } {
  mkdirSync(path.dirname(file), { recursive: true });
  let fd: number | undefined = openSync(file, 'a');
  return {
    write: (line) => {
      if (fd !== undefined) writeSync(fd, `${line}\n`);
    },
    close: () => {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** Of all that the SDK says of a worker, what tells runs apart. */
const SHOWN = ['workflowType', 'workflowId', 'activityType', 'attempt', 'taskQueue', 'state'];

function lineOf({ level, message, timestampNanos, meta = {} }: LogEntry, stacks: boolean): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  const facts = SHOWN.flatMap((key) => (meta[key] === undefined ? [] : [`${key}=${String(meta[key])}`]));
  const error: unknown = meta['error'];
  const why = error instanceof Error ? `: ${(stacks && error.stack) || error.message}` : '';
  return [time, level, message + why, ...facts].join(' ').replaceAll('\n', stacks ? '\n    ' : ' ');
}
