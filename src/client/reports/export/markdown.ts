import { codeSpan, inlineMarkdown } from '../../../core/markdown.js';
import { COMPONENT_TYPES } from '../../../core/report/report.js';
import type { ReportSummary, ReportView } from '../../../core/report/view.js';

const text = (value: string | number | undefined): string =>
  value === undefined || value === '' ? '–' : inlineMarkdown(String(value));
const percent = (ratio: number): string => `${Math.round(ratio * 1000) / 10} %`;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return rows.length === 0 ? [] : [[line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')];
}

const section = (title: string, blocks: readonly string[]): string[] =>
  blocks.length === 0 ? [] : [`## ${title}`, ...blocks];

const bullets = (items: readonly string[] | undefined): string[] =>
  items && items.length > 0 ? [items.map((item) => `- ${text(item)}`).join('\n')] : [];

/** One report, to be read by people. What its authors and reviewers wrote is shown as it is, and marks nothing up. */
export function reportMarkdown(r: ReportView): string {
  const facts: [string, string][] = [
    ['Author', text(r.author)],
    ['Status', text(r.status)],
    ['Pipeline', text(r.pipeline_id)],
    ['Task', text(r.task_id)],
    ['Version', `${r.version}, ${codeSpan(r.digest)}`],
    ['Progress', `${r.overall_progress} %`],
    [
      'Verified',
      `components ${percent(r.verified.components)}, tests ${percent(r.verified.tests)}, coverage ${percent(r.verified.coverage)} of its target; score ${percent(r.verified.score)}`,
    ],
    ['Sign-offs', `${text(r.sign_off_status)}; required: ${text(r.required_sign_offs.join(', '))}`],
    ...(r.waits_for ? [['Waits', `${text(r.waits_for.words)}, since ${r.waits_for.since}`] as [string, string]] : []),
    ['Created', r.created_at],
    ['Changed', r.updated_at],
  ];
  const blocks = [
    `# Report ${text(r.report_id)}`,
    facts.map(([name, value]) => `- **${name}**: ${value}`).join('\n'),
    ...section('Work summary', [text(r.work_summary)]),
    ...section('Achievements', bullets(r.achievements)),
    ...section('Challenges', bullets(r.challenges_encountered)),
    ...section('Lessons learned', bullets(r.lessons_learned)),
    ...section('Components implemented', bullets(r.components_implemented)),
    ...section('APIs integrated', bullets(r.apis_integrated)),
    ...section('Services configured', bullets(r.services_configured)),
    ...section('Tests written', bullets(r.tests_written)),
    ...section('Documentation', bullets(r.documentation_created)),
    ...section('Submission notes', r.submission_notes ? [text(r.submission_notes)] : []),
    ...section('Components', components(r)),
    ...section('Facts', factsOf(r)),
    ...section('Findings', bullets(r.findings)),
    ...section('Attachments', attachments(r)),
    ...section('Reviews', reviews(r)),
    ...section('Sign-offs', signOffs(r)),
  ];
  return `${blocks.join('\n\n')}\n`;
}

const components = (r: ReportView): string[] =>
  table(
    ['Component', 'Status', 'Progress', 'Notes', 'Blockers'],
    COMPONENT_TYPES.map((type) => {
      const { status, progress_percentage: progress, notes, blockers = [] } = r.components[type];
      return [text(type), text(status), `${progress} %`, text(notes), text(blockers.join('; '))];
    }),
  );

const factsOf = (r: ReportView): string[] =>
  table(
    ['Component', 'From', 'Tests', 'Coverage', 'Verified', 'Note'],
    r.facts.map(({ component_type, source, tests, coverage, verified, note, same_file_as: alike }) => {
      const twins = alike ? `, the same file as ${alike.join(', ')}` : '';
      return [
        text(component_type),
        text(source.kind === 'file' ? `${source.attachment} (${source.format})${twins}` : source.by),
        tests ? `${tests.passed} of ${tests.run} passed, ${tests.skipped} skipped` : '–',
        coverage === undefined ? '–' : `${coverage} %`,
        verified === undefined ? '–' : verified ? 'yes' : 'no',
        text(note),
      ];
    }),
  );

const attachments = (r: ReportView): string[] =>
  table(
    ['Name', 'Type', 'Bytes', 'SHA-256', 'Component'],
    r.attachments.map((a) => [
      text(a.name),
      text(a.media_type),
      String(a.size),
      codeSpan(a.sha256),
      text(a.component_type),
    ]),
  );

const reviews = (r: ReportView): string[] =>
  table(
    ['When', 'By', 'Decision', 'Score', 'Comments', 'Amendments', 'Of this version'],
    r.reviews.map((v) => [
      v.at,
      text(v.by),
      text(v.review_status),
      text(v.quality_score),
      text(v.review_comments),
      text(v.amendments?.join('; ')),
      v.current ? 'yes' : 'no',
    ]),
  );

const signOffs = (r: ReportView): string[] =>
  table(
    ['When', 'Role', 'By', 'Decision', 'Comments', 'Conditions', 'Counts'],
    r.sign_offs.map((s) => [
      s.at,
      text(s.sign_off_role),
      text(s.by),
      text(s.status),
      text(s.comments),
      text(s.conditions.map((c) => `${c.text} (${c.met ? 'met' : 'open'})`).join('; ')),
      s.counts ? 'yes' : `no${s.ended ? `: ${text(s.ended.why)}` : ''}`,
    ]),
  );

/** Many reports as one table. */
export function reportsMarkdown(reports: readonly ReportSummary[]): string {
  const rows = reports.map((r) => [
    text(r.report_id),
    text(r.author),
    text(r.status),
    `${r.overall_progress} %`,
    text(r.sign_off_status),
    text(r.waits_for?.words),
    r.updated_at,
    text(r.summary),
  ]);
  const header = ['Report', 'Author', 'Status', 'Progress', 'Sign-offs', 'Waits', 'Changed', 'Summary'];
  const blocks = table(header, rows);
  return `# Reports\n\n${blocks.length > 0 ? blocks.join('\n\n') : 'There are none.'}\n`;
}
