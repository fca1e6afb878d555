import { openDatabase } from '../storage/database.js';
import { Sessions } from '../storage/sessions.js';
import { SharedContext } from './shared-context.js';

/** The contexts of sessions, kept in a storage. A context is there once it was created or an entry was written. */
export class ContextManager {
  /** The state of sessions beneath it. */
  readonly sessions: Sessions;

  /** `kept`: a storage (of `openStorage`), or its `sessions`. */
  constructor(kept: Sessions | { sessions: Sessions }) {
    this.sessions = kept instanceof Sessions ? kept : kept.sessions;
  }

  /** A manager of contexts that end with this process. */
  static async inMemory(): Promise<ContextManager> {
    return new ContextManager(new Sessions(await openDatabase(':memory:')));
  }

  /** The context of a session, made where it has none. Throws INVALID_ID. */
  async createContext(sessionId: string): Promise<SharedContext> {
    await this.sessions.createContext(sessionId);
    return new SharedContext(this.sessions, sessionId);
  }

  /** The context of a session; undefined where it has none. Throws INVALID_ID. */
  async getContext(sessionId: string): Promise<SharedContext | undefined> {
    return (await this.sessions.hasContext(sessionId)) ? new SharedContext(this.sessions, sessionId) : undefined;
  }
}
