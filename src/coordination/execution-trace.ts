import type { ExecutionTraceSnapshot } from '../core/document/document.js';
import { invalid } from '../core/errors.js';

/** A decision, and when it was taken (ISO 8601). */
export interface TraceDecision {
  point: string;
  choice: string;
  reason: string;
  timestamp: string;
}

export interface TraceMetric {
  name: string;
  value: number;
  unit?: string;
}

/** An error, and when it was met (ISO 8601). */
export interface TraceError {
  code: string;
  message: string;
  timestamp: string;
}

/** A trace as plain data: a snapshot whose decisions and errors say when. */
export interface TraceExportData extends ExecutionTraceSnapshot {
  decisions: TraceDecision[];
  metrics: TraceMetric[];
  errors: TraceError[];
}

const now = (): string => new Date().toISOString();

/**
 * What an agent decided, measured and met while it was at work, to be handed over with the work. Records may still be
 * added once it is complete; its duration then stays. A second `complete` takes the place of the first.
 *
 * ```ts
 * const trace = new ExecutionTrace('write-spec');
 * trace.recordDecision('template', 'standard', 'all seven sections are asked for');
 * trace.recordMetric('pages', 12);
 * trace.complete();
 * ```
 */
export class ExecutionTrace {
  readonly operation: string;
  readonly #startedAt = now();
  // A clock that nobody sets: a duration must not become negative, or an hour long, when the machine's time is corrected.
  readonly #began = performance.now();
  #ended: number | undefined;
  #success = false;
  readonly #decisions: TraceDecision[] = [];
  readonly #metrics: TraceMetric[] = [];
  readonly #errors: TraceError[] = [];

  constructor(operation: string) {
    this.operation = operation;
  }

  recordDecision(point: string, choice: string, reason: string): void {
    this.#decisions.push({ point, choice, reason, timestamp: now() });
  }

  /** Throws INVALID_PACKAGE for a value that JSON does not have: NaN, Infinity. */
  recordMetric(name: string, value: number, unit?: string): void {
    if (!Number.isFinite(value)) {
      const path = `/trace/metrics/${this.#metrics.length}/value`;
      throw invalid('INVALID_PACKAGE', [{ path, message: 'must be a finite number' }]);
    }
    this.#metrics.push({ name, value, ...(unit === undefined ? {} : { unit }) });
  }

  /** A code and a message; or what was thrown, whose `code`, else its name, is the code. */
  recordError(code: string, message: string): void;
  recordError(error: unknown): void;
  recordError(...[error, message]: [unknown, string?]): void {
    this.#errors.push({
      ...(message === undefined ? factsOf(error) : { code: String(error), message }),
      timestamp: now(),
    });
  }

  /** The work is over. Without `success` it succeeded. */
  complete(success = true): void {
    this.#success = success;
    this.#ended = performance.now();
  }

  /** As plain data; `durationMs` runs on until the trace is complete. */
  toJSON(): TraceExportData {
    return {
      operation: this.operation,
      timestamp: this.#startedAt,
      // Where a test took the clock away between, nothing has passed.
      durationMs: Math.max(0, Math.round((this.#ended ?? performance.now()) - this.#began)),
      decisions: this.#decisions.map((d) => ({ ...d })),
      metrics: this.#metrics.map((m) => ({ ...m })),
      errors: this.#errors.map((e) => ({ ...e })),
      success: this.#success,
    };
  }
}

function factsOf(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: 'Error', message: String(error) };
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : error.name, message: error.message };
}
