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
