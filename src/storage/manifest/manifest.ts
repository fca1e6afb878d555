import path from 'node:path';
import type { Transaction } from 'kysely';
import type { UndoResult } from '../../core/handoff.js';
import { partyText, type ContentRef, type Party } from '../../core/request.js';
import { ManifestReader, realPlace } from './reader.js';
import type { ArtifactTable } from './tables.js';
import type { Tables } from '../schema.js';

/** One artifact that has arrived. Paths are absolute, digests hex SHA-256 (of a directory: its tree digest). */
export interface Arrival {
  /** The effect that put it there. */
  key: string;
  handoff: string;
  session: string;
  name: string;
  kind: 'file' | 'directory';
  source: Party;
  target: Party;
  /** Where it came from. */
  originalPath: string;
  /** What it had there. */
  originalSha256: string;
  /** Bytes that it had there, where a transformer made another size of it. */
  originalSize?: number;
  /** Where it is now. */
  path: string;
  sha256: string;
  /** Permission bits of a file. */
  mode?: number;
  /** Bytes; of a directory the sum of its files. */
  size: number;
  /** Files in a directory; 1 of a file. */
  files: number;
  /** Of a directory: a blob of its tree lines, so that `verify` can name the file that differs. */
  listing?: ContentRef;
  format?: string;
  /** Where a transformer made it from what was there. */
  transformer?: string;
  schema?: string;
  schemaValid?: boolean;
}

/**
 * Where each artifact came from and where it went. Written only within the transactions of the effects ledger, so that
 * both are true together.
 */
export class Manifest extends ManifestReader {
  /** Called in the transaction that marks the effect applied; a second call for the same effect changes nothing. */
  async arrived(trx: Transaction<Tables>, arrival: Arrival): Promise<void> {
    const { key, handoff, session, name, source, target, transformer } = arrival;
    if (await trx.selectFrom('transfers').select('seq').where('key', '=', key).executeTakeFirst()) return;
    const from = realPlace(arrival.originalPath);
    const original = await originalOf(trx, arrival, from);
    const artifact = transformer === undefined ? original : await derived(trx, arrival, from, original, transformer);
    if (arrival.schema !== undefined)
      await trx.updateTable('artifacts').set(schemaOf(arrival)).where('seq', '=', artifact).execute();
    await trx
      .insertInto('transfers')
      .values({
        key,
        artifact,
        handoff,
        session,
        name,
        source_agent: source.agent ?? null,
        source_phase: source.phase ?? null,
        target_agent: target.agent ?? null,
        target_phase: target.phase ?? null,
        original_path: from,
        original_checksum: arrival.originalSha256,
        transferred_path: realPlace(arrival.path),
        transfer_checksum: arrival.sha256,
        checksum_valid: transformer !== undefined || arrival.sha256 === arrival.originalSha256 ? 1 : 0,
        mode: arrival.mode ?? null,
        listing: arrival.listing ? JSON.stringify(arrival.listing) : null,
        transferred_at: Date.now(),
        status: 'success',
        undone_at: null,
        undo_result: null,
      })
      .execute();
  }

  /** Called in the transaction that marks the effect undone; one that nothing arrived by is left alone. */
  async takenBack(trx: Transaction<Tables>, key: string, result: UndoResult = 'undone'): Promise<void> {
    await trx
      .updateTable('transfers')
      .set({ status: 'undone', undone_at: Date.now(), undo_result: result })
      .where('key', '=', key)
      .where('status', '=', 'success')
      .execute();
  }
}

/**
 * What lay at the source: the artifact that an earlier transfer had put there, else the one that was handed over from
 * there before with the same content, else a new one.
 */
async function originalOf(trx: Transaction<Tables>, arrival: Arrival, from: string): Promise<number> {
  const { originalSha256, transformer } = arrival;
  const moving = await trx
    .selectFrom('transfers')
    .select('artifact')
    .where('transferred_path', '=', from)
    .where('status', '=', 'success')
    .where('transfer_checksum', '=', originalSha256)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (moving) return moving.artifact;
  const [sourceFormat] = transformer?.split('_to_') ?? [];
  return registered(trx, arrival, `source:${originalSha256}:${from}`, {
    name: transformer === undefined ? arrival.name : path.basename(from),
    original_path: from,
    sha256: originalSha256,
    size: transformer === undefined ? arrival.size : (arrival.originalSize ?? null),
    files: transformer === undefined ? arrival.files : 1,
    format: (transformer === undefined ? arrival.format : sourceFormat) ?? null,
    derived_from: null,
    transformer: null,
  });
}

/** Each result of a transformer is an artifact of its own. */
const derived = (
  trx: Transaction<Tables>,
  arrival: Arrival,
  from: string,
  original: number,
  transformer: string,
): Promise<number> =>
  registered(trx, arrival, `made:${arrival.key}`, {
    name: arrival.name,
    original_path: from,
    sha256: arrival.sha256,
    size: arrival.size,
    files: arrival.files,
    format: arrival.format ?? transformer.split('_to_')[1] ?? null,
    derived_from: original,
    transformer,
  });

const schemaOf = ({ schema, schemaValid }: Arrival): Pick<ArtifactTable, 'schema' | 'schema_valid'> => ({
  schema: schema ?? null,
  schema_valid: schemaValid === undefined ? null : schemaValid ? 1 : 0,
});

/** The artifact of an identity. Of two that register it at once, the second waits for the first and finds its row. */
async function registered(
  trx: Transaction<Tables>,
  { kind, session, handoff, source }: Arrival,
  identity: string,
  facts: Pick<
    ArtifactTable,
    'name' | 'original_path' | 'sha256' | 'size' | 'files' | 'format' | 'derived_from' | 'transformer'
  >,
): Promise<number> {
  const made = await trx
    .insertInto('artifacts')
    .values({
      identity,
      kind,
      session,
      handoff,
      source_agent: source.agent ?? null,
      source_phase: source.phase ?? null,
      created_by: source.agent ?? partyText(source),
      created_at: Date.now(),
      schema: null,
      schema_valid: null,
      ...facts,
    })
    .onConflict((c) => c.column('identity').doNothing())
    .returning('seq')
    .executeTakeFirst();
  if (made) return made.seq;
  const known = trx.selectFrom('artifacts').select('seq').where('identity', '=', identity);
  return (await known.executeTakeFirstOrThrow()).seq;
}
