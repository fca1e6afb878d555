import type { PhaseStepTask } from '../../core/pipeline-task.js';
import { ContextManager } from '../../packages/context-manager.js';
import { SharedContext, type SetOptions, type SharedEntry } from '../../packages/shared-context.js';
import type { Storage } from '../../storage/storage.js';

/** A session's context for one attempt of a step, which writes by its name and, once a resume has overtaken it, not at all. */
class StepContext extends SharedContext {
  constructor(
    storage: Storage,
    session: string,
    private readonly step: string,
    private readonly check: () => Promise<void>,
  ) {
    super(storage.sessions, session);
  }

  override async set<T>(key: string, value: T, options: SetOptions = {}): Promise<SharedEntry<T>> {
    await this.check();
    return super.set(key, value, { source: this.step, ...options });
  }

  override async delete(key: string, options: { ifVersion?: number } = {}): Promise<boolean> {
    await this.check();
    return super.delete(key, options);
  }
}

/** `check` throws for an attempt that a resume has overtaken. */
export async function contextOf(
  storage: Storage,
  task: PhaseStepTask,
  check: () => Promise<void>,
): Promise<SharedContext> {
  const { session } = task.subject;
  await new ContextManager(storage).createContext(session);
  return new StepContext(storage, session, `${task.phase}/${task.step}`, check);
}
