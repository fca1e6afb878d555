import type { PhaseStepTask } from '../../core/pipeline/task.js';
import { ContextManager } from '../../packages/context-manager.js';
import { SharedContext, type SetOptions, type SharedEntry } from '../../packages/shared-context.js';
import { Sessions } from '../../storage/sessions.js';
import type { Storage } from '../../storage/storage.js';

/** A session's context for one attempt of a step, which writes by its name. */
class StepContext extends SharedContext {
  constructor(
    sessions: Sessions,
    session: string,
    private readonly step: string,
  ) {
    super(sessions, session);
  }

  override async set<T>(key: string, value: T, options: SetOptions = {}): Promise<SharedEntry<T>> {
    return super.set(key, value, { source: this.step, ...options });
  }
}

/** `check` throws, in the transaction of each write, for an attempt that was overtaken: it writes nothing any more. */
export async function contextOf(
  storage: Storage,
  task: PhaseStepTask,
  check: Parameters<typeof Sessions.guarded>[1],
): Promise<SharedContext> {
  const { session } = task.subject;
  await new ContextManager(storage).createContext(session);
  return new StepContext(Sessions.guarded(storage.sessions, check), session, `${task.phase}/${task.step}`);
}
