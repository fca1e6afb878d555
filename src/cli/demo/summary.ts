import { table, type Paint } from '../text/text.js';
import type { Told } from './scene.js';

export interface Played extends Told {
  /** The page in the Web UI, where we know of one. */
  link?: string;
}

export const allIsWell = (played: readonly Played[], scenes: number): boolean =>
  played.length === scenes && played.every((p) => p.checks.every((c) => c.ok));

/** What was checked after one scene, the failed ones with what was found. */
export function checksText(paint: Paint, { checks }: Told): string {
  const lines = checks.map((c) =>
    c.ok
      ? `${paint.green('✓')} ${c.what}`
      : `${paint.red('✗')} ${c.what}${c.found ? ` — found ${c.found.slice(0, 300)}` : ''}`,
  );
  return ['   Checked:', ...lines.map((line) => `     ${line}`)].join('\n');
}

/** What happened to each. */
export function summaryText(paint: Paint, played: readonly Played[]): string {
  const rows = played.map((p) => {
    const good = p.checks.filter((c) => c.ok).length;
    return [p.handoffId, p.procedure, p.happened, `${good}/${p.checks.length} ${good === p.checks.length ? '✓' : '✗'}`];
  });
  const links = played.flatMap((p) => (p.link ? [`  ${p.link}`] : []));
  return [
    paint.bold('What happened'),
    '',
    table(paint, ['HANDOFF', 'PROCEDURE', 'WHAT HAPPENED', 'CHECKS'], rows, 'nothing'),
    ...(links.length > 0 ? ['', 'In the Temporal Web UI:', ...links] : []),
  ].join('\n');
}
