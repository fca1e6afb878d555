import { HandoffError } from '../../core/errors.js';
import type { PhaseStepTask } from '../../core/pipeline-task.js';
import type { Storage } from '../../storage/storage.js';
import type { PhaseContext } from './phase.js';

/** The session's context for one attempt of a step; `check` refuses what a resume has overtaken. */
export function contextOf(storage: Storage, task: PhaseStepTask, check: () => Promise<void>): PhaseContext {
  const { session } = task.subject;
  const by = `${task.phase}/${task.step}`;
  const all = async (): Promise<{ key: string; value: unknown }[]> =>
    (await storage.sessions.context(session)).map((e) => ({ key: e.key, value: JSON.parse(e.value) as unknown }));
  return {
    get: async (key) => (await all()).find((e) => e.key === key)?.value,
    set: async (key, value) => {
      await check();
      await storage.sessions.set(session, key, value, by);
    },
    find: async (pattern) => {
      if (pattern !== '*') throw new HandoffError('INTERNAL', { why: 'globs come with the contexts' });
      return all();
    },
  };
}
