import type { UndoResult } from './handoff.js';

/** What an effect changed. `action:<name>` is a user's own action, undone by that action's `undo`. */
export type EffectKind = 'file' | 'context' | 'phase' | 'delivery' | `action:${string}`;

/** One row of the effects ledger. Times in milliseconds. */
export interface Effect {
  seq: number;
  /** `<handoff>/<step>/<stepEpoch>/<effect>` */
  key: string;
  handoff: string;
  session: string;
  step: string;
  epoch: number;
  effect: string;
  kind: EffectKind;
  /** What it changes, as others name it too: `file:<path>`, `context:<session>/<key>`, `phase:<session>/<phase>`. */
  resource: string;
  /** What undo needs, by kind. */
  data: Record<string, unknown>;
  result?: Record<string, unknown>;
  status: 'intended' | 'applied' | 'undone';
  irreversible: boolean;
  undoResult?: UndoResult;
  intendedAt: number;
  appliedAt?: number;
  undoneAt?: number;
}

/** What a run needs to know of an effect that it undoes: no content. */
export type EffectFact = Pick<Effect, 'seq' | 'key' | 'step' | 'resource' | 'kind' | 'irreversible'>;

/** What an error says of an effect: its step and name, which its key has, and what it changed, in a person's words. */
export function effectFacts(key: string, resource: unknown): { step: string; effect: string; what?: string } {
  const [, step = '', , ...effect] = key.split('/');
  const what = typeof resource === 'string' ? { what: resourceText(resource) } : {};
  return { step, effect: effect.join('/'), ...what };
}

function resourceText(resource: string): string {
  const [, kind, session = '', name = ''] = /^(context|phase):([^/]*)\/(.*)$/s.exec(resource) ?? [];
  if (kind) return `${kind === 'context' ? 'context entry' : 'phase'} ${name} of session ${session}`;
  return resource.replace(/^file:/, '');
}
