import { realpathSync } from 'node:fs';
import path from 'node:path';
import { sql, type Expression, type ExpressionBuilder, type Selectable, type SqlBool } from 'kysely';
import {
  artifactId,
  artifactSeq,
  checkedManifestFilter,
  type ArtifactRecord,
  type ManifestFilter,
  type TransferRecord,
} from '../../core/manifest.js';
import type { ContentRef, Party } from '../../core/request.js';
import type { Db } from '../database.js';
import type { ArtifactTable, TransferTable } from './tables.js';
import type { Tables } from '../schema.js';

/** Ids in one query: databases bound the parameters of a statement. */
const AT_A_TIME = 500;

type Where = (e: ExpressionBuilder<Tables, 'artifacts'>) => Expression<SqlBool>;

/** A transfer's row, and the artifact that lies in its place since, where that is another transfer's. */
export type TransferRow = Selectable<TransferTable> & { taken_over_by: number | null };

/** What the manifest knows, for everybody who only looks. */
export class ManifestReader {
  constructor(protected readonly db: Db) {}

  /** The artifacts that a filter means, oldest first, with all their arrivals. Throws INVALID_REQUEST. */
  async list(filter: ManifestFilter = {}): Promise<ArtifactRecord[]> {
    const { artifact, phase, handoff, session, digest } = checkedManifestFilter(filter);
    const conditions: Where[] = [];
    if (artifact !== undefined) conditions.push(named(artifact));
    if (digest !== undefined) conditions.push(withDigest(digest));
    if (phase !== undefined)
      conditions.push((e) => e.or([e('source_phase', '=', String(phase)), moved(e, 'target_phase', String(phase))]));
    if (handoff !== undefined) conditions.push((e) => e.or([e('handoff', '=', handoff), moved(e, 'handoff', handoff)]));
    if (session !== undefined) conditions.push((e) => e.or([e('session', '=', session), moved(e, 'session', session)]));
    return this.where((e) => e.and(conditions.map((c) => c(e))));
  }

  /** What somebody means by an id, a path, a name or the beginning of a digest, tried in that order. */
  async resolve(what: string): Promise<ArtifactRecord[]> {
    const place = realPlace(path.resolve(what));
    const seq = artifactSeq(what);
    const tries: Where[] = [
      ...(seq === undefined ? [] : [((e) => e('seq', '=', seq)) satisfies Where]),
      (e) => e.or([e('original_path', '=', place), moved(e, 'transferred_path', place)]),
      named(what),
      ...(/^[0-9a-f]{4,64}$/i.test(what) ? [withDigest(what)] : []),
    ];
    for (const where of tries) {
      const found = await this.where(where);
      if (found.length > 0) return found;
    }
    return [];
  }

  /** All that a transformer made of an artifact, directly. */
  madeFrom(id: string): Promise<ArtifactRecord[]> {
    return this.where((e) => e('derived_from', '=', artifactSeq(id) ?? 0));
  }

  /**
   * Artifacts that were handed over from where this one had been put, with other content: it was worked on there; and
   * those that were put where this one was handed over from.
   */
  async neighbours(a: ArtifactRecord): Promise<{ changedFrom: ArtifactRecord[]; changedInto: ArtifactRecord[] }> {
    const seq = artifactSeq(a.id) ?? 0;
    const into = await this.where((e) =>
      e.and([
        e('seq', '!=', seq),
        e('derived_from', 'is', null),
        e('original_path', 'in', (s) =>
          s
            .selectFrom('transfers')
            .select('transferred_path')
            .where('artifact', '=', seq)
            .where('status', '=', 'success'),
        ),
        e('created_at', '>=', a.createdAt),
      ]),
    );
    if (a.derivedFrom !== undefined) return { changedFrom: [], changedInto: into };
    const last = await this.db
      .selectFrom('transfers')
      .select('artifact')
      .where('transferred_path', '=', a.originalPath)
      .where('artifact', '!=', seq)
      .where('transferred_at', '<=', a.createdAt)
      .where('status', '=', 'success')
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    return { changedFrom: last ? await this.where((e) => e('seq', '=', last.artifact)) : [], changedInto: into };
  }

  /** The transfers with these keys, as they are now. */
  async transfer(key: string): Promise<TransferRecord | undefined> {
    const row = await transferRows(this.db).where('t.key', '=', key).executeTakeFirst();
    return row && transferOf(row);
  }

  private async where(where: Where): Promise<ArtifactRecord[]> {
    const rows = await this.db.selectFrom('artifacts').selectAll().where(where).orderBy('seq').execute();
    const records = new Map(rows.map((r) => [r.seq, recordOf(r)]));
    const seqs = [...records.keys()];
    for (let at = 0; at < seqs.length; at += AT_A_TIME) {
      const some = seqs.slice(at, at + AT_A_TIME);
      const transfers = await transferRows(this.db).where('t.artifact', 'in', some).orderBy('t.seq').execute();
      for (const t of transfers) records.get(t.artifact)!.transfers.push(transferOf(t));
    }
    return [...records.values()];
  }
}

const moved = (
  e: ExpressionBuilder<Tables, 'artifacts'>,
  column: 'target_phase' | 'handoff' | 'session' | 'name' | 'transferred_path',
  value: string,
): Expression<SqlBool> => e('seq', 'in', (s) => s.selectFrom('transfers').select('artifact').where(column, '=', value));

const named =
  (what: string): Where =>
  (e) => {
    const seq = artifactSeq(what);
    return e.or([e('name', '=', what), moved(e, 'name', what), ...(seq === undefined ? [] : [e('seq', '=', seq)])]);
  };

/** `digest` is hex, so it has nothing that `like` reads as a pattern. */
const withDigest =
  (digest: string): Where =>
  (e) =>
    e('sha256', 'like', `${digest.toLowerCase()}%`);

/** Transfers `t`, and what lies in the place of each since. */
export const transferRows = (db: Db) =>
  db
    .selectFrom('transfers as t')
    .selectAll('t')
    .select((e) =>
      e
        .selectFrom('transfers as later')
        .select('later.artifact')
        .whereRef('later.transferred_path', '=', 't.transferred_path')
        .where('later.status', '=', 'success')
        .whereRef('later.seq', '>', 't.seq')
        .orderBy('later.seq', 'desc')
        .limit(sql<number>`1`)
        .as('taken_over_by'),
    );

const partyOf = (agent: string | null, phase: string | null): Party => ({
  ...(agent === null ? {} : { agent }),
  ...(phase === null ? {} : { phase }),
});

function recordOf(r: Selectable<ArtifactTable>): ArtifactRecord {
  return {
    id: artifactId(r.seq),
    name: r.name,
    kind: r.kind,
    session: r.session,
    handoff: r.handoff,
    source: partyOf(r.source_agent, r.source_phase),
    createdBy: r.created_by,
    createdAt: r.created_at,
    originalPath: r.original_path,
    sha256: r.sha256,
    files: r.files,
    ...(r.size === null ? {} : { size: r.size }),
    ...(r.format === null ? {} : { format: r.format }),
    ...(r.schema === null ? {} : { schema: r.schema }),
    ...(r.schema_valid === null ? {} : { schemaValid: r.schema_valid === 1 }),
    ...(r.derived_from === null ? {} : { derivedFrom: artifactId(r.derived_from) }),
    ...(r.transformer === null ? {} : { transformer: r.transformer }),
    transfers: [],
  };
}

export function transferOf(r: TransferRow): TransferRecord {
  return {
    key: r.key,
    artifact: artifactId(r.artifact),
    handoff: r.handoff,
    session: r.session,
    name: r.name,
    source: partyOf(r.source_agent, r.source_phase),
    target: partyOf(r.target_agent, r.target_phase),
    originalPath: r.original_path,
    originalSha256: r.original_checksum,
    path: r.transferred_path,
    sha256: r.transfer_checksum,
    valid: r.checksum_valid === 1,
    at: r.transferred_at,
    status: r.status,
    ...(r.mode === null ? {} : { mode: r.mode }),
    ...(r.listing === null ? {} : { listing: JSON.parse(r.listing) as ContentRef }),
    ...(r.undone_at === null ? {} : { undoneAt: r.undone_at }),
    ...(r.undo_result === null ? {} : { undoResult: r.undo_result }),
    ...(r.taken_over_by === null ? {} : { takenOverBy: artifactId(r.taken_over_by) }),
  };
}

/** A path by which two ways to the same place are seen to be one, whether its folder is there yet or not. */
export function realPlace(file: string): string {
  const below = [path.basename(file)];
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return path.join(realpathSync(folder), ...below);
    } catch {
      if (folder === path.dirname(folder)) return file;
      below.unshift(path.basename(folder));
    }
  }
}
