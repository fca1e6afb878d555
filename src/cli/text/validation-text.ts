import type { Validation } from '../../client/validate.js';
import type { ValidationSession } from '../../storage/validations.js';
import { wrapped } from './layout.js';
import { safe, took, when, type Paint } from './text.js';

/** A validation session in full: each rule with what it found. */
export function sessionText(paint: Paint, s: ValidationSession, width: number): string {
  const about = [s.procedure, ...(s.handoff ? [`handoff ${s.handoff}`] : []), ...(s.step ? [`step ${s.step}`] : [])];
  return [
    wrapped(`${about.join(' · ')} · ${when(s.startedAt)}, ${took(s.endedAt - s.startedAt)}`, width),
    ...s.results.map((r) =>
      wrapped(`${r.passed ? '✓' : '✗'} ${r.rule} ${r.name} (${r.severity}): ${r.message}`, width),
    ),
    outcome(paint, s.passed, s.results.filter((r) => !r.passed).length),
  ].join('\n');
}

/** The same for one that was run just now, with what was left out and where it is kept. */
export function validationText(paint: Paint, { session, verdict, open }: Validation, width: number): string {
  const left = open.map((o) => wrapped(`· ${o.rule} ${o.name}: ${o.message}`, width));
  const lines = sessionText(paint, session, width).split('\n');
  const last = lines.pop()!;
  return [...lines, ...left, last, safe(`Recorded: handoff validations ${verdict.session}`)].join('\n');
}

const outcome = (paint: Paint, passed: boolean, failed: number): string => {
  const rules = failed === 1 ? '1 rule' : `${failed} rules`;
  if (!passed) return `${paint.red('Failed')}: ${rules} did not pass.`;
  return failed > 0 ? `${paint.green('Passed')}, with a warning by ${rules}.` : `${paint.green('Passed')}.`;
};
