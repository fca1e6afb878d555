import { cancellationSignal } from '@temporalio/activity';
import { HandoffError } from '../../core/errors.js';
import { outlineOf } from '../../core/report/outline.js';
import type { ReportContent } from '../../core/report/report.js';
import type { Validated, ValidateReportTask } from '../../core/report/task.js';
import { readAttachment } from '../../storage/reports/attachments.js';
import { getContent } from '../../storage/reports/content.js';
import { knowsSession } from '../../storage/reports/known.js';
import type { Storage } from '../../storage/storage.js';
import { readFacts } from '../facts.js';

const FINDINGS_LIMIT = 50;
const FINDING_LENGTH = 300;

/**
 * Looks at what was handed in, as it is in the store and not as its update says: whether it is complete, about something
 * that is known, and whole in all that is attached; and reads the facts in it.
 */
export async function validateReport(storage: Storage, { state }: ValidateReportTask): Promise<Validated> {
  const found = await contentOf(storage, state.version.digest);
  if (typeof found === 'string') return { findings: [found], facts: [] };
  const missing = outlineOf(found).missing.map((m) => `${m.path}: ${m.message}`);
  const findings = [...missing, ...(await unknown(storage, found)), ...(await damaged(storage, found))];
  if (findings.length > 0) return { findings: shortened(findings), facts: [] };
  const about = { digest: state.version.digest, at: state.submittedAt ?? state.updatedAt };
  const read = await readFacts(storage, found, { ...about, signal: cancellationSignal() });
  return { findings: shortened(read.findings), facts: read.facts };
}

const shortened = (findings: string[]): string[] =>
  findings.slice(0, FINDINGS_LIMIT).map((f) => f.slice(0, FINDING_LENGTH));

/** What cannot be read is a finding; what may be read later is an error. */
async function contentOf(storage: Storage, digest: string): Promise<ReportContent | string> {
  try {
    return await getContent(storage, digest);
  } catch (error) {
    if (isGone(error)) return `its content ${digest} cannot be read: ${error.message}`;
    throw error;
  }
}

const isGone = (error: unknown): error is HandoffError =>
  error instanceof HandoffError && ['CONTENT_MISSING', 'CONTENT_DAMAGED'].includes(error.code);

async function unknown(storage: Storage, { pipeline_id, task_id }: ReportContent): Promise<string[]> {
  const handoff = await storage.handoffs.find(task_id);
  return [
    ...((await knowsSession(storage, pipeline_id)) ? [] : [`/pipeline_id: no session ${pipeline_id} is known`]),
    ...(handoff ? [] : [`/task_id: no handoff ${task_id} is known`]),
  ];
}

async function damaged(storage: Storage, { attachments }: ReportContent): Promise<string[]> {
  const findings: string[] = [];
  for (const [i, attachment] of attachments.entries()) {
    try {
      await readAttachment(storage, attachment);
    } catch (error) {
      if (!isGone(error)) throw error;
      findings.push(`/attachments/${i}: ${attachment.name} is not there as it was attached: ${error.message}`);
    }
  }
  return findings;
}
