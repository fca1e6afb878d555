import { HandoffError } from '../../core/errors.js';
import { HANDOFF_ID, checkedName } from '../../core/ids.js';
import { presentReport } from '../../core/report/present.js';
import { mayRead } from '../../core/report/refusal.js';
import type { Actor, ReportContent, ReportState, ReportTerms } from '../../core/report/report.js';
import type { ReportView } from '../../core/report/view.js';
import { getContent } from '../../storage/reports/content.js';
import type { StoredReport } from '../../storage/reports/reports.js';
import type { Storage } from '../../storage/storage.js';
import type { Caller } from '../calls.js';

/** What calls about reports need: on whose behalf they are made, and what new reports keep. */
export interface ReportDeps {
  caller: Caller;
  storage: Storage;
  actor: Actor;
  terms: ReportTerms;
  /** Bytes of one attachment. */
  maxAttachmentBytes: number;
  /** Seconds that statistics are kept. */
  cacheSeconds: number;
}

/** A report that the actor may see. Throws REPORT_NOT_FOUND, also of one that they may not; INVALID_ID. */
export async function readable({ storage, actor }: ReportDeps, id: string): Promise<StoredReport> {
  checkedName('Report', id, HANDOFF_ID);
  const stored = await storage.reports.find(id);
  if (!stored || !mayRead(stored.state, actor)) throw new HandoffError('REPORT_NOT_FOUND', { report: id });
  return stored;
}

export const contentOf = ({ storage }: ReportDeps, state: ReportState): Promise<ReportContent> =>
  getContent(storage, state.version.digest);

/** A state as it is shown now. */
export const viewOf = async (deps: ReportDeps, state: ReportState): Promise<ReportView> =>
  presentReport(state, await contentOf(deps, state), Date.now());
