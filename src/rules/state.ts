import { access, constants, statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { deliveryOf } from '../core/document/carried-schema.js';
import { digestOf } from '../core/digest.js';
import type { Effect } from '../core/effect.js';
import { HandoffError } from '../core/errors.js';
import { isOptional } from '../core/request.js';
import { arrivalsFolder } from '../storage/arrivals.js';
import { locateSource } from '../storage/files.js';
import { paceFor } from '../storage/transfer/pace.js';
import { printOf } from '../storage/transfer/print.js';
import { rawOf } from '../storage/transfer/raw.js';
import { survey } from '../storage/transfer/survey.js';
import { fail, pass, verdictOf, type RuleContext, type RuleFinding } from './rule.js';

/** VR001: the source phase is recorded as completed, or this very handoff has moved it on, as where its run was reset. */
export async function phaseCompletion({ subject, storage }: RuleContext): Promise<RuleFinding> {
  const { phase } = subject.source;
  if (!phase) return pass('no source phase is named');
  const record = await storage.sessions.phase(subject.session, phase);
  if (!record) return fail(`phase ${phase} has no record in session ${subject.session}`);
  if (record.status === 'completed') return pass(`phase ${phase} is completed`);
  const effects = await storage.ledger.list(subject.handoffId);
  const ours = effects.some(
    (e) =>
      e.status === 'applied' &&
      e.resource === `phase:${subject.session}/${phase}` &&
      e.result?.['version'] === record.version,
  );
  return ours
    ? pass(`phase ${phase} was completed, and this handoff has handed it off`)
    : fail(`phase ${phase} is ${record.status}, not completed`);
}

/** VR002: every artifact is there and readable, its place is free, and the disk has room for all. */
export async function resourceAvailability({ subject, storage, content, signal }: RuleContext): Promise<RuleFinding> {
  const folder = arrivalsFolder(storage, subject.target);
  let bytes = 0;
  const complaints = await Promise.all(
    content.artifacts.map(async (a) => {
      try {
        const file = await locateSource(a, storage.sources);
        await access(file, constants.R_OK);
        // Not `bytes += (await …)`: that reads the sum before it waits, and loses what the others add.
        const { size } = await survey(a.name, rawOf(file), paceFor(signal));
        bytes += size;
      } catch (error) {
        const isAbsent = error instanceof HandoffError && error.code === 'ARTIFACT_MISSING';
        return isAbsent && isOptional(content.contract?.sends, a.name) ? undefined : (error as Error).message;
      }
      const holder = await storage.ledger.holderOf(`file:${path.join(folder, a.name)}`, subject.handoffId);
      return holder ? `the place of ${a.name} is reserved by handoff ${holder}` : undefined;
    }),
  );
  const { bavail, bsize } = await statfs(firstThere(storage.root));
  const room = bavail * bsize;
  return verdictOf(
    [...complaints, bytes > room ? `the disk has room for ${room} bytes, ${bytes} are needed` : undefined],
    `${content.artifacts.length} artifacts, ${bytes} bytes`,
  );
}

/** A folder that is still to be made will be on the disk of the first one above it that is there. */
function firstThere(folder: string): string {
  const above = path.dirname(folder);
  return existsSync(folder) || above === folder ? folder : firstThere(above);
}

/**
 * VR003: the state of the session is what it should be. After the handoff has synchronised it: every record still holds
 * what the ledger says we wrote. Before: the context is unchanged since the source phase was recorded.
 */
export async function stateConsistency({ subject, storage }: RuleContext): Promise<RuleFinding> {
  const { session, source } = subject;
  const written = (await storage.ledger.list(subject.handoffId)).filter(
    (e) => e.status === 'applied' && (e.kind === 'context' || e.kind === 'phase'),
  );
  if (written.length > 0) {
    const complaints = await Promise.all(written.map((e) => differsFromLedger(e, storage)));
    return verdictOf(complaints, `${written.length} records hold what was written`);
  }
  const record = source.phase ? await storage.sessions.phase(session, source.phase) : undefined;
  if (!record?.stateDigest) return pass('no state digest is recorded');
  const digest = await storage.sessions.contextDigest(session);
  return digest === record.stateDigest
    ? pass('the context is as the source phase left it')
    : fail(`the context of session ${session} changed since phase ${record.phase} was ${record.status}`);
}

async function differsFromLedger(e: Effect, storage: RuleContext['storage']): Promise<string | undefined> {
  const ours = e.result?.['version'];
  const name = String(e.data[e.kind === 'phase' ? 'phase' : 'key']);
  const found =
    e.kind === 'phase'
      ? (await storage.sessions.phase(e.session, name))?.version
      : (await storage.sessions.context(e.session)).find((c) => c.key === name)?.version;
  return found === ours
    ? undefined
    : `${e.resource}: version ${String(ours)} was written, ${found ? `version ${found}` : 'nothing'} is there`;
}

/** VR005: what was delivered to the target is what the package holds. */
export async function contextTransfer({ subject, storage, content }: RuleContext): Promise<RuleFinding> {
  const began = (await storage.handoffs.find(subject.handoffId))?.createdAt;
  const sent = digestOf(deliveryOf(subject, content, began ?? 0));
  const row = await storage.db
    .selectFrom('deliveries')
    .selectAll()
    .where('handoff', '=', subject.handoffId)
    .executeTakeFirst();
  if (!row) return fail('nothing was delivered to the target');
  const delivered = digestOf(JSON.parse(row.content));
  return verdictOf(
    [
      delivered === row.digest ? undefined : 'the delivery no longer has its recorded digest',
      row.digest === sent ? undefined : 'the delivery differs from what was sent',
    ],
    `${Object.keys(content.context).length} context entries delivered`,
  );
}

/** What stands in place of an artifact may be no file or folder at all. */
function complaintOf(error: unknown): string {
  if (error instanceof HandoffError) return error.message;
  throw error;
}

/** VR008: artifacts have the checksums that the request declares, and those that arrived still have theirs. */
export async function dataIntegrity({ subject, storage, content, signal }: RuleContext): Promise<RuleFinding> {
  const arrived = (await storage.ledger.list(subject.handoffId)).filter(
    (e) => e.kind === 'file' && e.status === 'applied',
  );
  const check = async (name: string, file: string, expected: unknown): Promise<string | undefined> => {
    signal.throwIfAborted();
    const found = await printOf(file, { artifact: name, pace: paceFor(signal) });
    if (!found) return `${name}: there is no file at ${file}`;
    return found.sha256 === expected
      ? undefined
      : `${name}: expected sha256 ${String(expected).slice(0, 12)}…, found ${found.sha256.slice(0, 12)}…`;
  };
  const complaints = [];
  // What a later one took the place of is not there any more.
  for (const e of new Map(arrived.map((a) => [a.resource, a])).values()) {
    const file = String(e.data['destination']);
    complaints.push(await check(e.effect, file, e.result?.['sha256']).catch((error: unknown) => complaintOf(error)));
  }
  const declared = arrived.length > 0 ? [] : content.artifacts.filter((a) => a.sha256);
  for (const a of declared) {
    try {
      complaints.push(await check(a.name, await locateSource(a, storage.sources), a.sha256));
    } catch (error) {
      complaints.push((error as Error).message);
    }
  }
  return verdictOf(complaints, `${complaints.length} checksums hold`);
}
