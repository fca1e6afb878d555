import {
  CHAOS_MOMENTS,
  CHAOS_VICTIMS,
  cellName,
  type ChaosCellReport,
  type ChaosReport,
  type ChaosVictim,
} from '../../core/reliability/chaos.js';
import { columns, safe, table, type Paint } from './text.js';

/** `6.1 s`, of the slowest of its runs. */
const slowest = ({ runs }: ChaosCellReport): string => {
  const took = runs.flatMap((r) => (r.recoveryMs === undefined ? [] : [r.recoveryMs]));
  return took.length > 0 ? ` ${seconds(Math.max(...took))}` : '';
};
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** What stands in a cell: the verdict, and how long it took until its handoff went on. */
function cellText(cell: ChaosCellReport | undefined): string {
  switch (cell?.verdict) {
    case undefined:
      return '';
    case 'violation':
      return `VIOLATION ${cell.runs.filter((r) => r.faults.length > 0).length}/${cell.runs.length}`;
    case 'not_reached':
      return 'not reached';
    case 'nothing':
      return '–';
    case 'ok': {
      const waits = cell.runs.some((r) => r.outcome === 'incident');
      return `${waits ? 'incident' : 'ok'}${slowest(cell)}`;
    }
  }
}

const WHAT_DIED: Record<ChaosVictim, string> = {
  worker: 'The worker killed',
  server: 'The Temporal server killed, and started again',
  both: 'Worker and server killed at once',
};
const MOMENTS = { dispatched: 'before', acted: 'before its record', recorded: 'after its record' } as const;

const LEGEND = [
  'ok 6.1 s     every effect once, or all undone; it went on 6.1 s after the death',
  'incident     it waits for a person, visibly, and nothing is lost',
  'VIOLATION    an effect lost, doubled or left behind, or a handoff that is stuck',
  'not reached  the handoff ended and never came by     –  no effect to undo',
].join('\n');

/** The matrix as a table for each victim, its recovery, and every violation in words. */
export function chaosText(paint: Paint, report: ChaosReport, width = Math.min(columns(), 80)): string {
  const { procedure, times, cells, fired, violations } = report;
  const shown = CHAOS_VICTIMS.filter((v) => cells.some((c) => c.victim === v));
  return [
    paint.bold(safe(`${procedure}: ${cells.length} cells, each struck ${times === 1 ? 'once' : `${times} times`}`)),
    ...shown
      .filter((victim) => cells.some((c) => c.victim === victim && c.kind !== 'state'))
      .flatMap((victim) => ['', paint.bold(WHAT_DIED[victim]), grid(paint, cells, victim, width)]),
    ...(cells.some((c) => c.kind === 'state')
      ? ['', paint.bold('Killed while it waited'), states(paint, cells, shown, width)]
      : []),
    '',
    paint.dim(LEGEND),
    '',
    paint.bold('From the death until the handoff went on'),
    recovery(paint, report, width),
    ...(violations.length > 0 ? ['', paint.bold('Violations'), ...violations.map((v) => safe(v))] : []),
    '',
    verdict(paint, report, fired),
  ].join('\n');
}

function grid(paint: Paint, all: readonly ChaosCellReport[], victim: ChaosVictim, width: number): string {
  const cells = all.flatMap((c) => (c.victim === victim && c.kind !== 'state' ? [c] : []));
  const rows = new Map(cells.map((c) => [`${c.kind} ${c.step}`, c]));
  return table(
    paint,
    ['', ...CHAOS_MOMENTS.map((m) => MOMENTS[m])],
    [...rows].map(([name, { kind, step }]) => [
      kind === 'undo' ? `undo ${step}` : name.slice('step '.length),
      ...CHAOS_MOMENTS.map((moment) =>
        cellText(cells.find((c) => c.kind === kind && c.step === step && c.moment === moment)),
      ),
    ]),
    '',
    width,
  );
}

function states(paint: Paint, all: readonly ChaosCellReport[], victims: ChaosVictim[], width: number): string {
  const cells = all.flatMap((c) => (c.kind === 'state' ? [c] : []));
  const names = [...new Set(cells.map((c) => c.state))];
  return table(
    paint,
    ['', ...victims],
    names.map((state) => [
      state.replaceAll('_', ' '),
      ...victims.map((victim) => cellText(cells.find((c) => c.state === state && c.victim === victim))),
    ]),
    '',
    width,
  );
}

function recovery(paint: Paint, { recoveryMs }: ChaosReport, width: number): string {
  const rows = CHAOS_VICTIMS.flatMap((victim) => {
    const took = recoveryMs[victim];
    return took ? [[victim, seconds(took.p50), seconds(took.p95), seconds(took.max)]] : [];
  });
  return table(paint, ['', 'p50', 'p95', 'max'], rows, 'No kill struck.', width);
}

function verdict(paint: Paint, { ok, cells, durationMs }: ChaosReport, fired: number): string {
  const good = cells.filter((c) => c.verdict === 'ok').length;
  const struck = cells.filter((c) => c.verdict !== 'nothing').length;
  const said = `${good} of ${struck} cells ok; ${fired} kills struck; ${Math.round(durationMs / 1000)} s in all`;
  return ok ? paint.green(said) : paint.red(said);
}

/** One line while the matrix is made. */
export const cellLine = (cell: ChaosCellReport, done: number, of: number): string =>
  safe(`${String(done).padStart(String(of).length)}/${of}  ${cellName(cell)}: ${cellText(cell)}`);
