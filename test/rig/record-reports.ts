import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { reportWorkflowIdOf } from '../../src/core/report/ids.js';
import { historyToJson } from '../../src/temporal/history-json.js';
import { APPROVED, AUTHOR, LEAD, REVIEWER } from './reports.js';
import type { Rig } from './rig.js';

/** The workflow id of a recorded report; undefined of what is none. */
export const goldenReportId = (situation: string): string | undefined =>
  situation.startsWith('report-') ? reportWorkflowIdOf(`golden-${situation}`) : undefined;

/** One that is amended, approved, signed off, edited, and in the end rejected: every kind of change but those of time. */
export async function recordReport(
  rig: Rig,
  folder: string,
  version: string,
  scrubbed: (json: string) => string,
): Promise<string> {
  const situation = 'report-amended-approved-rejected';
  const { report_id: id } = await rig.reports.create({ report_id: `golden-${situation}` });
  const [author, reviewer, lead] = [AUTHOR, REVIEWER, LEAD].map((actor) => rig.reports.as(actor));
  const asked = { review_status: 'amendments_required', review_comments: 'Say how it is tested' } as const;
  await author!.submit(id, { submission_notes: 'Ready' });
  await reviewer!.review(id, asked);
  await author!.updateComponent(id, 'integration_tests', { notes: 'With a real server' });
  await author!.submit(id);
  await reviewer!.enterFact(id, { component_type: 'integration_tests', verified: true });
  await reviewer!.review(id, APPROVED);
  await lead!.signOff(id, { sign_off_role: 'tech_lead', status: 'approved', conditions: ['At night'] });
  await lead!.meetCondition(id, 'tech_lead', 0);
  await lead!.revokeSignOff(id, 'tech_lead', { reason: 'A hole' });
  await author!.comment(id, { text: 'It is mended' });
  await author!.update(id, { quality_score: 0.7 });
  await author!.submit(id);
  await reviewer!.review(id, { ...asked, review_status: 'rejected' });
  await rig.reports.handle(id).result();
  const file = path.join(folder, `${version}-${situation}.json`);
  writeFileSync(file, scrubbed(historyToJson(await rig.reports.handle(id).fetchHistory())));
  return file;
}
