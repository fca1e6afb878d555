import { Argument, type Command } from 'commander';
import {
  REPORT_STATUSES,
  REVIEW_STATUSES,
  SIGN_OFF_ROLES,
  SIGN_OFF_STATUSES,
  type Actor,
  type ReportStatus,
  type ReviewStatus,
  type SignOffRole,
  type SignOffStatus,
} from '../../core/report/report.js';
import { ROLES } from '../../core/service/policy.js';
import type { CreateReport, Reports } from '../../client/reports/port.js';
import { wholeHistory } from '../../client/reports/whole-history.js';
import type { ReportView } from '../../core/report/view.js';
import { readDocument } from '../input.js';
import type { Answer, Io } from '../io.js';
import { number } from '../number.js';
import { userName, withPlace, type PlaceOptions } from '../place.js';
import { historyText, reportText, reportsTable } from '../text/report-text.js';
import { safe } from '../text/text.js';
import { many, must, verb, type VerbSpec } from '../verb.js';

interface AsOptions {
  as?: string;
  role?: string[];
}
const AS: NonNullable<VerbSpec['options']> = [
  ['--as <agent>', 'who acts (default: you, as an admin)'],
  ['--role <name>', 'a role of theirs (repeatable; default with --as: agent)', (o) => many(o.choices(ROLES))],
];

/** Whoever has the folder is an operator; over HTTP a key says who it is. */
const actorOf = ({ as, role }: AsOptions): Actor => ({
  by: as ?? `@${userName()}`,
  roles: role ?? (as === undefined ? ['admin'] : ['agent']),
});

async function withReports<T>(options: PlaceOptions & AsOptions, work: (reports: Reports) => Promise<T>): Promise<T> {
  const { readSettings } = await import('../../core/service/settings-schema.js');
  const settings = readSettings(process.env);
  return withPlace(options, ({ client }) => work(client.reports(actorOf(options))), {
    needsFolder: true,
    reports: settings,
  });
}

const shown = (io: Io, report: ReportView): Answer => ({ json: report, text: reportText(io.paint, report) });

export function reportVerbs(program: Command): void {
  const group = program.command('report').description('reports of work done: review and sign-off');
  group.addHelpText('after', '\nExample:\n  $ handoff report list --status under_review');
  look(group);
  write(group);
  decide(group);
  rebuild(group);
}

function look(group: Command): void {
  interface Listing extends AsOptions {
    status?: ReportStatus;
    author?: string;
    session?: string;
    waitsFor?: string;
    limit?: number;
    cursor?: string;
  }
  verb<Listing>(
    group,
    'list',
    {
      summary: 'reports, newest first, and for whom each waits',
      examples: ['report list --waits-for reviewer'],
      options: [
        ['--status <status>', 'only those in this status', (o) => o.choices(REPORT_STATUSES)],
        ['--author <agent>', 'only those of this agent'],
        ['--session <id>', 'only those of this session'],
        ['--waits-for <name>', 'only those that wait for this agent or role'],
        ['--limit <n>', 'at most so many (default: 50, and 200 at most)', number(1, { whole: true })],
        ['--cursor <text>', 'go on after the page that named it'],
        ...AS,
      ],
      needs: ['folder', 'server'],
    },
    ({ options, io }) =>
      withReports(options, async (reports) => {
        const { status, author, session: pipeline_id, waitsFor: waits_for, limit, cursor } = options;
        const filter = { status, author, pipeline_id, waits_for, limit, cursor };
        const page = await reports.list(Object.fromEntries(Object.entries(filter).filter(([, v]) => v !== undefined)));
        const more = page.next_cursor === undefined ? '' : `\nThere are more: --cursor ${page.next_cursor}`;
        return { json: page, text: `${reportsTable(io.paint, page.reports)}${more}` };
      }),
  );
  verb<AsOptions & { markdown?: boolean }>(
    group,
    'show <report>',
    {
      summary: 'where a report stands: components, reviews, sign-offs, what it waits for',
      examples: ['report show rp-1'],
      options: [['--markdown', 'all of it, as Markdown'], ...AS],
      needs: ['folder', 'server'],
    },
    ({ args: [id = ''], options, io }) =>
      withReports(options, async (reports) => {
        const report = await reports.get(id);
        if (!options.markdown) return shown(io, report);
        return { json: report, text: safe((await reports.export(id, 'markdown')).text) };
      }),
  );
  verb<AsOptions>(
    group,
    'history <report>',
    {
      summary: 'what happened to a report, and what each version changed',
      examples: ['report history rp-1'],
      options: AS,
      needs: ['folder', 'server'],
    },
    ({ args: [id = ''], options, io }) =>
      withReports(options, async (reports) => {
        const history = await wholeHistory(reports, id);
        return { json: history, text: historyText(io.paint, history) };
      }),
  );
}

function write(group: Command): void {
  verb<AsOptions>(
    group,
    'create <file>',
    {
      summary: 'begin a report as a draft, from a JSON or YAML file (- for stdin)',
      details:
        'Begins a report as a draft. The file has the fields of the HTTP API: pipeline_id (a session), task_id (a handoff), work_summary of 50 characters or more, components, … The same report_id with the same content again is the same report.',
      examples: ['report create examples/input/report.yaml --as @code-architect'],
      options: AS,
      needs: ['folder', 'server'],
    },
    ({ args: [file = ''], options, io }) =>
      withReports(options, async (reports) =>
        shown(io, await reports.create((await readDocument(file)) as CreateReport)),
      ),
  );
  verb<AsOptions & { notes?: string }>(
    group,
    'submit <report>',
    {
      summary: 'hand a report in for its review',
      examples: ['report submit rp-1 --notes "Ready for review" --as @code-architect'],
      options: [['--notes <text>', 'what its reviewer should know'], ...AS],
      needs: ['folder', 'server'],
    },
    ({ args: [id = ''], options, io }) =>
      withReports(options, async (reports) => {
        const { notes } = options;
        return shown(io, await reports.submit(id, notes === undefined ? {} : { submission_notes: notes }));
      }),
  );
}

function decide(group: Command): void {
  verb<AsOptions & { comments: string; quality?: number; amendment?: string[] }>(
    group,
    'review <report>',
    {
      summary: 'approve a report, reject it, or ask for amendments',
      examples: ['report review rp-1 approved --comments "All is as agreed"'],
      arguments: [new Argument('<decision>', 'what comes of it').choices(REVIEW_STATUSES)],
      options: [
        ['--comments <text>', 'why, in 10 characters or more', must],
        ['--quality <score>', 'from 0 to 1', number(0)],
        ['--amendment <text>', 'what has to change (repeatable)', many],
        ...AS,
      ],
      needs: ['folder', 'server'],
    },
    ({ args: [id = '', decision = ''], options, io }) =>
      withReports(options, async (reports) => {
        const { comments, quality, amendment } = options;
        const review = {
          review_status: decision as ReviewStatus,
          review_comments: comments,
          ...(quality === undefined ? {} : { quality_score: quality }),
          ...(amendment ? { amendments: amendment } : {}),
        };
        return shown(io, await reports.review(id, review));
      }),
  );
  verb<AsOptions & { status: SignOffStatus; comments?: string; condition?: string[] }>(
    group,
    'sign-off <report>',
    {
      summary: 'sign an approved report off in a role of yours',
      examples: ['report sign-off rp-1 tech_lead --as @lead --role tech_lead'],
      arguments: [new Argument('<in>', 'the role').choices(SIGN_OFF_ROLES)],
      options: [
        ['--status <status>', 'what comes of it', (o) => o.choices(SIGN_OFF_STATUSES).default('approved')],
        ['--comments <text>', 'why'],
        ['--condition <text>', 'what must be met first (repeatable)', many],
        ...AS,
      ],
      needs: ['folder', 'server'],
    },
    ({ args: [id = '', role = ''], options, io }) =>
      withReports(options, async (reports) => {
        const { status, comments, condition } = options;
        const signOff = {
          sign_off_role: role as SignOffRole,
          status,
          ...(comments === undefined ? {} : { comments }),
          ...(condition ? { conditions: condition } : {}),
        };
        return shown(io, await reports.signOff(id, signOff));
      }),
  );
}

function rebuild(group: Command): void {
  verb(
    group,
    'rebuild',
    {
      summary: 'write anew what lists and statistics of reports are made from',
      details:
        'Asks every report’s run on this task queue, open and closed, and writes the projection in the database anew. For a database that was damaged, or put back from a copy. A worker must run.',
      examples: ['report rebuild'],
      exitCodes: { failed: 'some are silent' },
      needs: ['folder', 'server'],
    },
    ({ options }) =>
      withPlace(
        options,
        async ({ client }) => {
          const rebuilt = await client.rebuildReports();
          const { written, newer, failed } = rebuilt;
          const lines = [
            `${written.length} written anew, ${newer.length} had gone on meanwhile, ${failed.length} could not be asked.`,
            ...failed.map((f) => `${f.report_id}: ${f.why}`),
          ];
          return { json: rebuilt, text: safe(lines.join('\n')), exitCode: failed.length > 0 ? 1 : 0 };
        },
        { needsFolder: true },
      ),
  );
}
