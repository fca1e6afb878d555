import { digestOf } from '../core/digest.js';
import { HandoffError } from '../core/errors.js';
import type { Procedure } from '../core/procedure.js';
import { newestFirst } from '../core/version.js';
import type { Db } from './database.js';

export interface StoredProcedure {
  procedure: Procedure;
  digest: string;
  addedAt: number;
}

/** Users' own procedures, every version that was ever added. */
export class Procedures {
  constructor(private readonly db: Db) {}

  /** Adds a version. The same version with another content is refused: a version means one definition. Throws INVALID_PROCEDURE. */
  async add(procedure: Procedure): Promise<StoredProcedure> {
    const digest = digestOf(procedure);
    return this.db.transaction().execute(async (trx) => {
      const known = await trx
        .selectFrom('procedures')
        .selectAll()
        .where('id', '=', procedure.procedure_id)
        .where('version', '=', procedure.version)
        .executeTakeFirst();
      if (known && known.digest !== digest) {
        throw new HandoffError('INVALID_PROCEDURE', {
          procedure: procedure.procedure_id,
          issues: `/version: ${procedure.version} is already there with a different content; raise the version`,
        });
      }
      const addedAt = known?.added_at ?? Date.now();
      if (!known) {
        const definition = JSON.stringify(procedure);
        await trx
          .insertInto('procedures')
          .values({ id: procedure.procedure_id, version: procedure.version, digest, definition, added_at: addedAt })
          .execute();
      }
      return { procedure, digest, addedAt };
    });
  }

  /** Makes the actions and rules of a worker known to clients. */
  async publishParts(parts: { actions: Iterable<string>; rules: Iterable<string> }): Promise<void> {
    const rows = [
      ...[...parts.actions].map((name) => ({ kind: 'action' as const, name })),
      ...[...parts.rules].map((name) => ({ kind: 'rule' as const, name })),
    ];
    if (rows.length > 0)
      await this.db
        .insertInto('parts')
        .values(rows)
        .onConflict((c) => c.doNothing())
        .execute();
  }

  /** The actions and rules that workers have made known. */
  async parts(): Promise<{ actions: string[]; rules: string[] }> {
    const rows = await this.db.selectFrom('parts').selectAll().execute();
    const named = (kind: string): string[] => rows.filter((r) => r.kind === kind).map((r) => r.name);
    return { actions: named('action'), rules: named('rule') };
  }

  /** The newest version of a procedure. */
  async find(id: string): Promise<StoredProcedure | undefined> {
    return (await this.list()).find((p) => p.procedure.procedure_id === id);
  }

  /** The newest version of each. */
  async list(): Promise<StoredProcedure[]> {
    const rows = (await this.db.selectFrom('procedures').selectAll().execute()).toSorted(newestFirst);
    const seen = new Set<string>();
    return rows
      .filter((r) => !seen.has(r.id) && seen.add(r.id))
      .map((r) => ({ procedure: JSON.parse(r.definition) as Procedure, digest: r.digest, addedAt: r.added_at }))
      .toSorted((a, b) => a.procedure.procedure_id.localeCompare(b.procedure.procedure_id));
  }
}
