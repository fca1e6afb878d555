import type { HandoffOutcome } from '../../core/handoff.js';
import { triggeredText } from '../../core/trigger.js';
import type { ExitCode } from '../failure.js';
import { bytes, safe, type Paint } from './text.js';

export const exitCodeFor = (outcome: HandoffOutcome): ExitCode => (outcome.outcome === 'completed' ? 0 : 1);

/** `resource_handoff` → `Resource Handoff`, where the procedure's own name is not at hand. */
export const titleOf = (step: string): string =>
  step
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');

/** The effect's own name and step in a ledger key. */
export function effectText(key: string): string {
  const [, step = '', , ...effect] = key.split('/');
  return `${titleOf(step)}: ${effect.join('/')}`;
}

/** What an incident's undo could not undo, in words. */
export const undoText = ({ effect, step }: { effect?: string | undefined; step?: string | undefined }): string =>
  `undo of ${effect === undefined ? titleOf(step ?? '') : effectText(effect)}`;

/** A step's small facts in a few words: `2 artifacts, 3.1 kB`. */
export function factsText(facts: Record<string, unknown> = {}): string {
  const n = (key: string): number | undefined => (typeof facts[key] === 'number' ? facts[key] : undefined);
  const counted = (key: string, one: string, several: string): string[] => {
    const count = n(key);
    return count ? [`${count} ${count === 1 ? one : several}`] : [];
  };
  const size = n('bytes');
  const triggered = triggeredText(facts);
  return [
    ...(triggered ? [triggered] : []),
    ...counted('rules', 'rule passed', 'rules passed'),
    ...counted('artifacts', 'artifact', 'artifacts'),
    ...(size ? [bytes(size)] : []),
    ...counted('contextKeys', 'context entry', 'context entries'),
    ...(Array.isArray(facts['phases']) && facts['phases'].length > 0 ? [`phases ${facts['phases'].join(', ')}`] : []),
  ].join(', ');
}

/** What a closed handoff has to say, in one line, and a line for each effect that was undone. */
export function outcomeText(paint: Paint, o: HandoffOutcome): string {
  const word = o.outcome === 'completed' ? paint.green(`✓ ${o.outcome}`) : paint.red(`✗ ${o.outcome}`);
  const by = o.by && o.by !== 'handoff' ? ` by ${o.by}` : '';
  // What begins with HANDOFF_ only repeats the outcome.
  const code = o.code && !o.code.startsWith('HANDOFF_') ? `: ${o.code}` : '';
  const why = o.reason ? `${code}: ${o.reason}` : code;
  const undone = o.undone.map((u) => `  ↶ ${effectText(u.key)} — ${u.result.replaceAll('_', ' ')}`);
  const warnings = (o.warnings ?? []).map((w) => `  ! not returned: ${w}`);
  const late = o.late ? [`  late: ${o.late.what}`] : [];
  return [`${word} ${safe(`${o.handoffId}${by}${why}`)}`, ...[...warnings, ...late, ...undone].map(safe)].join('\n');
}
