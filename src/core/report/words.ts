import { utc } from '../date.js';
import { said, saidWithin } from '../said.js';
import { countsAt, signOffProgress } from './counts.js';
import { overallProgress } from './outline.js';
import { COMPONENT_TYPES, type ReportState } from './report.js';
import { waitsFor } from './waits.js';

/** Why a report does not move, as one short phrase; undefined where nobody has to do anything. */
export const blockedReport = (s: ReportState, now: number): string | undefined =>
  waitsFor(s, now)
    ?.words.replace(/, until .*$/, '')
    .slice(0, 200);

/**
 * A report in plain words (Markdown), for the Web UI: what it waits for, for whom, since when, and what to press. The
 * first line is all that somebody in a hurry reads.
 */
export function reportWords(s: ReportState, now: number): string {
  const waiting = waitsFor(s, now);
  const since = utc(waiting?.since ?? s.updatedAt);
  const stands = waiting ? said(waiting.words) : IDLE[s.status];
  const done = COMPONENT_TYPES.filter((type) => s.outline.components[type].status === 'completed').length;
  const complete = signOffProgress(s, now) === 'complete' ? ' All required roles have signed it off.' : '';
  return [
    `**${s.status}** since ${since} — ${stands}.${complete}`,
    `Report \`${s.reportId}\` of ${said(s.author)} on handoff \`${s.taskId}\` in session \`${s.pipelineId}\`, version ${s.version.number}, handed in ${s.submissions} times.`,
    `${done} of ${COMPONENT_TYPES.length} components are completed, ${overallProgress(s.outline)} % in all.`,
    ...findingLines(s),
    ...reviewLines(s),
    ...signOffLines(s, now),
    ...press(s),
  ].join('\n\n');
}

const IDLE: Record<ReportState['status'], string> = {
  draft: 'its author works on it',
  submitted: 'it is being validated',
  under_review: 'it waits for a review',
  approved: 'it waits for nobody',
  amendments_required: 'it waits for its author',
  rejected: 'it is over; a new report can be made',
};

const findingLines = ({ findings }: ReportState): string[] =>
  findings.length > 0
    ? [`Automatic validation found: ${saidWithin(findings.slice(0, 10).join('; ')).slice(0, 1500)}.`]
    : [];

function reviewLines({ reviews }: ReportState): string[] {
  const last = reviews.at(-1);
  if (!last) return [];
  const past = last.ended ? ', of a version that was edited since' : '';
  return [
    `Last review: ${last.status} by ${said(last.by)} at ${utc(last.at)}${past}. ${saidWithin(last.comments).slice(0, 500)}.`,
  ];
}

function signOffLines(s: ReportState, now: number): string[] {
  const counting = s.signOffs.filter((g) => countsAt(s, g, now));
  if (counting.length === 0) return [];
  const each = counting.map((g) => `${g.role} by ${said(g.by)} until ${utc(g.expiresAt)}`);
  return [`Signed off: ${each.join('; ')}.`];
}

/** Roles and digest are what the sender says; proven identity needs the HTTP API. */
function press({ status, version: { digest } }: ReportState): string[] {
  const update = (name: string, actor: string, rest: string): string =>
    `Press *More Actions → Send an Update* → \`${name}\` \`{"actor": {"by": "you", "roles": ["${actor}"]}, ${rest}}\`.`;
  const about = `"digest": "${digest}"`;
  if (status === 'under_review')
    return [
      update('review', 'reviewer', `${about}, "status": "approved", "comments": "why, in ten characters or more"`),
    ];
  if (status === 'approved')
    return [update('signOff', 'tech_lead', `${about}, "role": "tech_lead", "status": "approved", "comments": ""`)];
  if (status === 'draft' || status === 'amendments_required')
    return [`Its author goes on with \`handoff report submit\`, or over the HTTP API.`];
  return [];
}
