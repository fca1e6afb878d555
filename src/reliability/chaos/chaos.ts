import {
  chaosReport,
  type ChaosCell,
  type ChaosCellReport,
  type ChaosReport,
  type ChaosRun,
  type ChaosVictim,
} from '../../core/reliability/chaos.js';
import type { StackOptions } from '../stack-start.js';
import { cellsOf } from './cells.js';
import { openLane, type Lane } from './lane.js';
import type { Template } from './subject.js';

export interface ChaosOptions extends Template {
  victims: readonly ChaosVictim[];
  /** How often each cell is struck. */
  times: number;
  /** Stacks that work at once; each has a server and a worker of its own. */
  parallel: number;
  parts?: StackOptions['parts'];
  /** Only these cells. */
  chosen?: (cell: ChaosCell) => boolean;
  /** Hears of each cell when it is done. */
  told?: (cell: ChaosCellReport, done: number, of: number) => void;
  signal?: AbortSignal;
}

type Run = Awaited<ReturnType<Lane['strike']>>;

/** Strikes every cell of a procedure's crash matrix. Throws what starting a stack or a handoff throws; a cell's fault is in the report. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { procedure, victims, times, parallel, parts, chosen = () => true, told, signal } = options;
  const began = Date.now();
  const cells = cellsOf(procedure, victims).filter(chosen);
  const found = new Map<ChaosCell, Run[]>(cells.map((cell) => [cell, []]));
  const reports: ChaosCellReport[] = [];
  const left = cells.flatMap((cell) => Array.from({ length: times }, (_, n) => ({ cell, n })));
  const failed: unknown[] = [];

  async function work(): Promise<void> {
    const lane = await openLane(options, parts);
    try {
      for (let next = left.shift(); next && failed.length === 0; next = left.shift()) {
        signal?.throwIfAborted();
        const { cell, n } = next;
        const runs = found.get(cell)!;
        // Every second time something stands already where artifacts arrive.
        runs.push(await lane.strike(cell, { occupied: n % 2 === 1 }));
        if (runs.length < times) continue;
        const report = cellReport(cell, runs);
        reports.push(report);
        told?.(report, reports.length, cells.length);
      }
    } catch (error) {
      failed.push(error);
    } finally {
      await lane.close();
    }
  }
  const lanes = Math.max(1, Math.min(parallel, left.length));
  const ended = await Promise.allSettled(Array.from({ length: lanes }, work));
  for (const e of ended) if (e.status === 'rejected') failed.push(e.reason);
  if (failed.length > 0) throw failed[0];
  const inOrder = cells.flatMap((cell) => reports.find((r) => sameCell(r, cell)) ?? []);
  return chaosReport({ procedure: procedure.procedure_id, times, durationMs: Date.now() - began }, inOrder);
}

function cellReport(cell: ChaosCell, runs: readonly Run[]): ChaosCellReport {
  const verdict = runs.some((r) => r.faults.length > 0)
    ? 'violation'
    : runs.every((r) => r.fired)
      ? 'ok'
      : cell.kind === 'undo' && runs.every((r) => !r.undone)
        ? 'nothing'
        : 'not_reached';
  return { ...cell, verdict, runs: runs.map(({ undone: _, ...run }): ChaosRun => run) };
}

const KEYS = ['victim', 'kind', 'step', 'moment', 'state'] as const;
const sameCell = (a: ChaosCell, b: ChaosCell): boolean =>
  KEYS.every((k) => (a as Record<string, unknown>)[k] === (b as Record<string, unknown>)[k]);
