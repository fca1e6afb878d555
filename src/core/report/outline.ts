import type { Issue } from '../errors.js';
import { COMPONENT_TYPES, WORK_SUMMARY_MIN, type ContentOutline, type ReportContent } from './report.js';

/** What the rules must know of a content: where its components stand, what it lacks, what is attached. */
export function outlineOf(content: ReportContent): ContentOutline {
  const components = Object.fromEntries(
    COMPONENT_TYPES.map((type) => {
      const { status, progress_percentage: progress, blockers = [] } = content.components[type];
      return [type, { status, progress, blockers: blockers.length }];
    }),
  ) as ContentOutline['components'];
  const attachments = content.attachments.map(({ name, sha256, component_type: component }) => ({
    name,
    sha256,
    ...(component ? { component } : {}),
  }));
  return { components, missing: missingOf(content), attachments };
}

/** Why it cannot be handed in yet, every reason with its place. */
function missingOf({ work_summary, components }: ReportContent): Issue[] {
  const summary = work_summary.trim().length;
  const issues: Issue[] =
    summary < WORK_SUMMARY_MIN
      ? [{ path: '/work_summary', message: `has ${summary} characters; ${WORK_SUMMARY_MIN} are needed` }]
      : [];
  for (const type of COMPONENT_TYPES) {
    const { status, progress_percentage: progress, blockers = [], dependencies = [] } = components[type];
    const path = `/components/${type}`;
    if (status !== 'completed') issues.push({ path: `${path}/status`, message: `is ${status}, not completed` });
    if (progress !== 100) issues.push({ path: `${path}/progress_percentage`, message: `is ${progress}, not 100` });
    if (blockers.length > 0) issues.push({ path: `${path}/blockers`, message: `${blockers.length} still block it` });
    const open = dependencies.filter((d) => components[d].status !== 'completed');
    if (open.length > 0) issues.push({ path: `${path}/dependencies`, message: `not completed: ${open.join(', ')}` });
  }
  return issues;
}

/** 0 to 100, of all eight. */
export const overallProgress = ({ components }: Pick<ContentOutline, 'components'>): number =>
  Math.round(
    (COMPONENT_TYPES.reduce((sum, type) => sum + components[type].progress, 0) / COMPONENT_TYPES.length) * 10,
  ) / 10;
