/** The thread in which foreign schemas, artifacts and built-in transformers run; it is ended where it takes too long. */
import { parentPort } from 'node:worker_threads';
import { parseAs, printAs, type Bounds } from './formats.js';
import { Unfit, oneLine, type Found } from './found.js';
import { look, type Look, type Seen } from './look.js';
import { readTestReport, type TestReport } from './test-reports/read.js';

/** A built-in transformer, by its formats. */
export interface Turn {
  bytes: Uint8Array;
  from: string;
  to: string;
  bounds: Bounds;
  /** Bytes of the result, roughly. */
  limit: number;
}

/** A file that may say something about tests: see {@link readTestReport}. */
export interface Reading {
  name: string;
  bytes: Uint8Array;
}

export type Job = { look: Look } | { turn: Turn } | { reading: Reading };
export type Done =
  | { seen: Seen }
  | { turned: Uint8Array }
  | { unfit: Found }
  | { read: TestReport | undefined }
  | { broken: string };

function run(job: Job): Done {
  try {
    if ('look' in job) return { seen: look(job.look) };
    if ('reading' in job) return readingOf(job.reading);
    const { bytes, from, to, bounds, limit } = job.turn;
    return { turned: Buffer.from(printAs(to, parseAs(from, bytes, bounds, { exact: true }), limit)) };
  } catch (error) {
    if (error instanceof Unfit) return { unfit: error.fault };
    if (!(error instanceof RangeError)) throw error;
    return { unfit: { code: 'too_large', pointer: '', expected: 'less than fits into memory', found: error.message } };
  }
}

function readingOf({ name, bytes }: Reading): Done {
  try {
    return { read: readTestReport(name, Buffer.from(bytes).toString('utf8')) };
  } catch (error) {
    return { broken: oneLine((error as Error).message) };
  }
}

parentPort?.on('message', (job: Job) => parentPort!.postMessage(run(job)));
parentPort?.postMessage('ready');
