import type { HandoffState } from '../../core/handoff.js';
import { safe, type Paint } from './text.js';

/** What happened to the returns between two looks at a handoff, a line each. */
export function returnChanges(paint: Paint, before: HandoffState | undefined, now: HandoffState): string[] {
  return Object.entries(now.returns ?? {}).flatMap(([name, r]) => {
    const was = before?.returns?.[name];
    const lines: string[] = [];
    if (r.rounds > (was?.rounds ?? 0)) {
      const faults = (r.lastFaults ?? []).slice(0, 3).map((f) => `${f.pointer || '/'} ${f.code}`);
      lines.push(paint.red(safe(`✗ ${name} has faults, round ${r.rounds}: ${faults.join(', ')}`)));
    }
    if (r.asks > (was?.asks ?? 0)) lines.push(paint.yellow(safe(`… ${name} is asked for again`)));
    else if (r.lateSince !== undefined && was?.lateSince === undefined)
      lines.push(paint.yellow(safe(`! ${name} is late`)));
    if (r.status === 'received' && was?.status !== 'received')
      lines.push(`${paint.green('✓')} ${safe(`returned ${name} by ${r.by ?? '?'}`)}`);
    if (r.status === 'missing' && was?.status !== 'missing')
      lines.push(paint.yellow(safe(`! not returned: ${name}: ${r.note ?? ''}`)));
    return lines;
  });
}
