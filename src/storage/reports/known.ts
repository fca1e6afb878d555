import type { Storage } from '../storage.js';

/** Whether anything is known of a session: a handoff, a pipeline, a phase or a context. */
export async function knowsSession({ db }: Pick<Storage, 'db'>, session: string): Promise<boolean> {
  for (const table of ['handoffs', 'phases', 'pipelines', 'contexts'] as const) {
    const row = await db.selectFrom(table).select('session').where('session', '=', session).limit(1).executeTakeFirst();
    if (row) return true;
  }
  return false;
}
