/** A named place in the engine at which a test can strike. */
export interface PointInfo {
  /** What stands there, for people. */
  about: string;
  /** Whether one step can be named: `name:step=fault`. */
  steps?: true;
  /** Nothing can wait there but by standing still with the whole process, so `hang` is refused. */
  sync?: true;
  /** Whether one of the standard procedures, or its undo, comes by. */
  standard?: true;
}

/** Around every step and every undo, whatever its action: what `handoff chaos` strikes. */
export const BOUNDARIES = {
  'step.dispatched': { about: 'before anything of a step is done', steps: true, standard: true },
  'step.acted': { about: 'after an effect, or a check, and before its record', steps: true, standard: true },
  'step.recorded': { about: 'after the record, before Temporal hears of it', steps: true, standard: true },
  'undo.dispatched': { about: 'before anything of an undo is done', steps: true, standard: true },
  'undo.acted': { about: 'after an undo, before its record', steps: true, standard: true },
  'undo.recorded': { about: 'after the record of an undo, before Temporal hears of it', steps: true, standard: true },
} as const satisfies Record<string, PointInfo>;

export type Boundary = keyof typeof BOUNDARIES;

const at = (about: string): PointInfo => ({ about });
const standard = (about: string): PointInfo => ({ about, standard: true });
const within = (about: string): PointInfo => ({ about, sync: true, standard: true });

/** All that there are, by name. */
export const POINTS: Readonly<Record<string, PointInfo>> = {
  ...BOUNDARIES,
  'open.before': standard('before a handoff is registered'),
  'open.after': standard('after a handoff is registered'),
  'close.before': standard('before an outcome is recorded'),
  'close.after': standard('after an outcome is recorded'),
  'begin_undo.before': standard('before the steps are shut for an undo'),
  'begin_undo.after': standard('after the steps are shut for an undo'),
  'cancel.before': standard('before Temporal is asked to cancel'),
  'cancel.after': standard('after Temporal is asked to cancel'),
  'report_record.before': at('before a change of a report is put on record'),
  'report_record.after': at('after a change of a report is on record, before Temporal hears of it'),
  'database.write': within('a statement that writes, and the beginning of a transaction'),
  'database.commit': within('the end of a transaction'),
  'blob.write': at('before content is written'),
  'stage.write': within('whatever is written, moved or removed of artifacts'),
  'transfer.before_delivery': standard('before a delivery and its record'),
  'transfer.in_delivery': within('in the transaction of a delivery'),
  'transfer.after_delivery': standard('after a delivery and its record'),
  'transfer.before_intent': standard('before the intents of a transfer'),
  'transfer.after_intent': standard('after the intents of a transfer'),
  'transfer.in_copy': at('between two parts of a large copy'),
  'transfer.after_copy': standard('after the copy of an artifact'),
  'transfer.after_stage': standard('after all artifacts are staged'),
  'transfer.after_keep': { about: 'after a folder that was there moved away', sync: true },
  'transfer.before_rename': within('before an artifact becomes visible'),
  'transfer.after_rename': within('after an artifact became visible, before its record'),
  'transfer.after_apply': standard('after the record of an artifact'),
  'sync_state.before_apply': standard('before the state of the session is set'),
  'sync_state.in_apply': within('after a part of the state is set, before the commit'),
  'sync_state.after_apply': standard('after the state of the session is set'),
  'effect.after_intent': at('after the intent of a user’s effect'),
  'effect.before_act': at('before a user’s effect'),
  'effect.after_act': at('after a user’s effect, before its record'),
  'effect.after_apply': at('after the record of a user’s effect'),
  'trigger.after_intent': at('after the intent of a child workflow'),
  'trigger.before_record': at('before the record of a child workflow'),
  'trigger.after_record': at('after the record of a child workflow'),
  'trigger.before_cancel': at('before a child workflow is cancelled'),
  'receive.before_check': at('before a return is checked'),
  'receive.after_check': at('after a return was checked'),
  'receive.after_transfer': at('after a return has arrived'),
  'receive.before': at('before a package is received'),
  'receive.after': at('after a package was received'),
  'checkpoint.before': at('before a checkpoint of a pipeline'),
  'checkpoint.after': at('after a checkpoint'),
  'pipeline_open.after': at('after a pipeline is registered'),
  'phase_step.before': at('before a step of a phase'),
  'phase_step.after': at('after a step of a phase, before its record'),
  'phase_step.recorded': at('after the record of a step of a phase'),
  'context.in_change': { about: 'in the transaction that changes a context', sync: true },
  'undo.before': standard('before an effect is undone'),
  'undo.after_away': { about: 'after our folder moved away, before the old one comes back', sync: true },
  'undo.after_restore': within('after an effect is undone, before its record'),
  'undo.after': standard('after the record of an undo'),
};

/** The checks of one step, each with its name behind the last dot. */
const OF_CHECKS = /^validate\.(before|after)\./;

export const pointOf = (name: string): PointInfo | undefined =>
  Object.hasOwn(POINTS, name) ? POINTS[name] : OF_CHECKS.test(name) ? at('around the check of a step') : undefined;
