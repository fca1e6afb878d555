import type { ReliabilityReport } from '../core/reliability/report.js';
import type { ReliabilitySettings } from '../core/reliability/settings.js';
import { RELIABILITY_CONFIGURATIONS } from '../core/reliability/configuration.js';
import { NOTHING_CHECKED } from './tally.js';

/** The report of a test in which nothing has happened yet. */
export const emptyReport = (testId: string, settings: ReliabilitySettings): ReliabilityReport => ({
  testId,
  configuration: settings.configuration,
  seed: settings.seed,
  status: 'running',
  startedAt: new Date().toISOString(),
  iterations: 0,
  successRate: 0,
  outcomes: {},
  stuck: 0,
  durationMs: { p50: 0, p95: 0, p99: 0 },
  perSecond: 0,
  seconds: 0,
  rollbacks: { attempted: 0, undone: 0, incidents: 0 },
  byType: {},
  faults: [],
  faultsFired: 0,
  checker: NOTHING_CHECKED,
  reasons: [],
  notDone: [],
  notes: [],
  repeat: repeatCommand(settings),
});

/** The command line that does the same again. */
export function repeatCommand(settings: ReliabilitySettings): string {
  const { configuration: c, seed, workers, faults, procedure, procedures = [], modules = [] } = settings;
  const base = RELIABILITY_CONFIGURATIONS.find((known) => known.id === c.id)!;
  const factor = Math.max(1, c.iterations / base.iterations);
  const option = (name: string, value?: string | number, usual?: string | number): string[] =>
    value === undefined || value === usual ? [] : [name, quoted(String(value))];
  return [
    'handoff reliability',
    c.id,
    ...option('--seed', seed),
    ...option('--iterations', c.iterations, base.iterations),
    ...option('--concurrency', c.concurrency, base.concurrency),
    ...option('--timeout', c.timeoutSeconds, base.timeoutSeconds * factor),
    ...option('--failure-rate', c.failureRate, base.failureRate),
    ...option('--stress-factor', c.stressFactor, base.stressFactor),
    ...option('--workers', workers, 2),
    ...(faults === undefined ? [] : faults.length === 0 ? ['--no-faults'] : ['--faults', faults.join(',')]),
    ...option('--procedure', procedure),
    ...option('--request', settings.requestFrom),
    ...procedures.flatMap((file) => ['--procedures', quoted(file)]),
    ...modules.flatMap((file) => ['--module', quoted(file)]),
    ...option('--address', settings.address),
    ...option('--namespace', settings.namespace),
  ].join(' ');
}

const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
