import { HandoffError, invalid, type Issue } from '../errors.js';
import { PROCEDURE_ID } from '../ids.js';
import type { Procedure } from '../procedure.js';
import { RELIABILITY_CONFIGURATIONS, type ReliabilityConfiguration } from './configuration.js';

/** What a test is asked to do otherwise than its configuration says. */
export interface ReliabilityOptions {
  iterations?: number;
  concurrency?: number;
  /** Seconds for the whole test. Default: the configuration's, times as many as the iterations were raised. */
  timeoutSeconds?: number;
  /** 0 to 1. */
  failureRate?: number;
  stressFactor?: number;
  /** Of all that is random. Default: a new one, which the report names. */
  seed?: number;
  /** Worker processes. Default 2. */
  workers?: number;
  /** Faults by name; `[]` for none. Default: those of the configuration's type. */
  faults?: string[];
  /** Seconds without a move, after the faults, until a run counts as stuck. Default 60. */
  quietSeconds?: number;
  /** A procedure of your own instead of the standard ones. */
  procedure?: string;
  /** Files of procedures and of modules with parts, as `handoff worker` takes them. */
  procedures?: string[];
  modules?: string[];
  /** A request that each iteration copies, under an id and in a session of its own; `{n}` in it is the iteration's number. */
  request?: Record<string, unknown>;
  /** The file that `request` was read from, so that the report can say how to repeat it. */
  requestFrom?: string;
  /** Definitions that the test's own storage gets, beside those of the files. */
  definitions?: Procedure[];
  /** The folder from which the request's relative paths start. Default: the working directory. */
  source?: string;
  /** A server that is there, instead of one that the test starts. */
  address?: string;
  namespace?: string;
  /** Keep the test's own folder. */
  keep?: boolean;
}

/** What a test will do: nothing is open any more. */
export interface ReliabilitySettings extends ReliabilityOptions {
  configuration: ReliabilityConfiguration;
  seed: number;
  workers: number;
  quietSeconds: number;
}

interface Bound {
  least: number;
  most: number;
  whole?: boolean;
}

const BOUNDS = {
  iterations: { least: 1, most: 1_000_000, whole: true },
  concurrency: { least: 1, most: 1000, whole: true },
  timeoutSeconds: { least: 1, most: 7 * 86_400 },
  failureRate: { least: 0, most: 1 },
  stressFactor: { least: 1, most: 100 },
  seed: { least: 0, most: 2 ** 32 - 1, whole: true },
  workers: { least: 1, most: 16, whole: true },
  quietSeconds: { least: 1, most: 3600 },
} satisfies Partial<Record<keyof ReliabilityOptions, Bound>>;

/** One of the six. Throws RELIABILITY_UNKNOWN. */
export function configurationNamed(id: string): ReliabilityConfiguration {
  const found = RELIABILITY_CONFIGURATIONS.find((c) => c.id === id);
  if (found) return found;
  const known = RELIABILITY_CONFIGURATIONS.map((c) => c.id).join(', ');
  throw new HandoffError('RELIABILITY_UNKNOWN', { configuration: id, known });
}

/** The settings of a test. Throws RELIABILITY_UNKNOWN, INVALID_RELIABILITY_TEST with every fault. */
export function settingsOf(id: string, options: ReliabilityOptions, freshSeed: () => number): ReliabilitySettings {
  const base = configurationNamed(id);
  const issues = issuesOf(options);
  if (issues.length > 0) throw invalid('INVALID_RELIABILITY_TEST', issues);
  const iterations = options.iterations ?? base.iterations;
  const factor = Math.max(1, iterations / base.iterations);
  const stressFactor = options.stressFactor ?? base.stressFactor;
  const failureRate = options.failureRate ?? base.failureRate;
  return {
    ...options,
    configuration: {
      ...base,
      iterations,
      timeoutSeconds: options.timeoutSeconds ?? base.timeoutSeconds * factor,
      concurrency: options.concurrency ?? base.concurrency,
      ...(stressFactor === undefined ? {} : { stressFactor }),
      ...(failureRate === undefined ? {} : { failureRate }),
    },
    seed: options.seed ?? freshSeed(),
    workers: options.workers ?? 2,
    quietSeconds: options.quietSeconds ?? 60,
  };
}

function issuesOf(options: ReliabilityOptions): Issue[] {
  const issues: Issue[] = [];
  for (const [name, bound] of Object.entries(BOUNDS) as [keyof typeof BOUNDS, Bound][]) {
    const value: unknown = options[name];
    if (value === undefined) continue;
    const { least, most, whole } = bound;
    const fits = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (fits) continue;
    issues.push({ path: `/${name}`, message: `must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}` });
  }
  const { request, procedure } = options;
  if (request !== undefined && (typeof request !== 'object' || request === null || Array.isArray(request))) {
    issues.push({ path: '/request', message: 'must be a handoff request' });
  }
  if (procedure !== undefined && !PROCEDURE_ID.test(procedure)) {
    issues.push({ path: '/procedure', message: 'must be a procedure id in upper snake case' });
  }
  return issues;
}
