import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Command, Option } from 'commander';
import type { AuditFault, AuditFilter, AuditReport } from '../../core/audit/entry.js';
import { timeOf } from '../filter-options.js';
import { number } from '../number.js';
import { withStorage } from '../place.js';
import { safe, table, when } from '../text/text.js';
import { verb, type VerbSpec } from '../verb.js';

interface Filter {
  subject?: string;
  actor?: string;
  act?: string;
  refused?: boolean;
  since?: string;
  until?: string;
}
const FILTER: NonNullable<VerbSpec['options']> = [
  ['--subject <subject>', 'about this one, such as report/r_1'],
  ['--actor <name>', 'of this agent'],
  ['--act <act>', 'this act, such as report.sign_off'],
  ['--refused', 'only what was refused'],
  ['--since <when>', 'from then on: a date, or a span such as 2h'],
  ['--until <when>', 'before then'],
];

export function auditVerbs(program: Command): void {
  const group = program.command('audit').description('who did what, when, on which digest, from where');
  group.addHelpText('after', '\nExample:\n  $ handoff audit verify');
  verify(group);
  list(group);
  exportVerb(group);
}

function verify(group: Command): void {
  verb<{ key?: string; anchors?: string }>(
    group,
    'verify',
    {
      summary: 'prove that the audit log is as it was written',
      details:
        'Goes through every row and every anchor. Finds what was edited, deleted, put in, moved or written anew, and what was cut off up to the last anchor; says at which row, and what was expected.',
      examples: ['audit verify', 'audit verify --anchors /mnt/audit-anchors.jsonl --key public.pem'],
      options: [
        ['--key <file>', 'the key, or its public half (default: AGENT_HANDOFF_AUDIT_KEY, audit-key.pem in the folder)'],
        [
          '--anchors <file>',
          'the anchors, or a copy (default: AGENT_HANDOFF_AUDIT_ANCHORS, audit-anchors.jsonl in the folder)',
        ],
      ],
      exitCodes: { ok: 'it is as it was written', failed: 'it is not' },
      needs: ['folder'],
    },
    ({ options: { key, anchors, ...place } }) =>
      withStorage(place, 'read', async ({ audit }) => {
        const report = await audit.verify({ ...(key ? { key } : {}), ...(anchors ? { anchors } : {}) });
        return { json: report, text: reportText(report), exitCode: report.ok ? 0 : 1 };
      }),
  );
}

function reportText(r: AuditReport): string {
  const faults = r.faults.map((f) => safe(`  ${faultText(f)}`));
  if (r.more_faults > 0) faults.push(`  and ${r.more_faults} more`);
  const head = r.ok
    ? `The audit log is as it was written: ${r.rows} rows, ${r.anchors} anchors, the last at row ${r.anchored_to}.`
    : `The audit log is not as it was written (${r.rows} rows, ${r.anchors} good anchors):`;
  return [head, ...faults, ...r.notes.map(safe)].join('\n');
}

function faultText({ message, expected, found }: AuditFault): string {
  const said = [...(expected ? [`expected ${expected}`] : []), ...(found ? [`found ${found}`] : [])];
  return said.length > 0 ? `${message} (${said.join(', ')})` : message;
}

function list(group: Command): void {
  verb<Filter & { limit?: number; before?: number }>(
    group,
    'list',
    {
      summary: 'the newest rows of the audit log',
      examples: ['audit list --subject report/r_1', 'audit list --refused --since 2d'],
      options: [
        ...FILTER,
        ['--limit <n>', 'at most so many (default: 50)', number(1, { whole: true })],
        ['--before <seq>', 'only rows before this one', number(1, { whole: true })],
      ],
      needs: ['folder'],
    },
    ({ options, io }) =>
      withStorage(options, 'read', async ({ audit }) => {
        const { limit = 50, before } = options;
        const page = await audit.list(filterOf(options), { limit, ...(before === undefined ? {} : { before }) });
        const rows = page.rows.map((r) => [
          String(r.seq),
          when(r.at),
          r.actor,
          r.outcome === 'refused' ? `${r.act}, refused` : r.act,
          r.subject,
          r.digest?.slice(0, 12) ?? '',
          r.source ?? '',
        ]);
        const head = ['ROW', 'WHEN', 'WHO', 'ACT', 'ABOUT', 'DIGEST', 'FROM'];
        return { json: page.rows, text: table(io.paint, head, rows, 'Nothing is in the audit log.') };
      }),
  );
}

function exportVerb(group: Command): void {
  verb<Filter & { format: 'json' | 'csv'; out?: string }>(
    group,
    'export',
    {
      summary: 'all rows, with the head of the log signed',
      details:
        'Writes all rows, oldest first, and the head of the log at this moment, signed: in JSON as `head`, in CSV as the last row.',
      examples: ['audit export --since 30d', 'audit export --format csv --out audit.csv'],
      options: [
        ...FILTER,
        ['--format <format>', 'json or csv', formats],
        ['--out <file>', 'write here (default: what is printed)'],
      ],
      needs: ['folder'],
    },
    ({ options }) =>
      withStorage(options, 'read', async ({ audit }) => {
        const { exportAudit } = await import('../../storage/audit/export.js');
        const { format, out } = options;
        const text = exportAudit(audit, format, filterOf(options));
        if (out === undefined) await pipeline(text, process.stdout, { end: false });
        else await pipeline(text, createWriteStream(out, { mode: 0o600 }));
        return {
          json: out === undefined ? undefined : { out, format },
          text: out === undefined ? '' : safe(`Written: ${out}`),
        };
      }),
  );
}

const formats = (option: Option): Option => option.choices(['json', 'csv']).default('json');

function filterOf({ subject, actor, act, refused, since, until }: Filter, now = Date.now()): AuditFilter {
  const filter = {
    subject,
    actor,
    act,
    outcome: refused ? ('refused' as const) : undefined,
    since: timeOf(since, '--since', now),
    until: timeOf(until, '--until', now),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
