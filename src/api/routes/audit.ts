import { Readable } from 'node:stream';
import { z } from 'zod';
import type { AuditFilter, AuditRow } from '../../core/audit/entry.js';
import { AUDIT_FORMATS, exportAudit } from '../../storage/audit/export.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';

const FILTER = {
  subject: z.string().max(300).optional().describe('About this one, such as `report/r_1`'),
  actor: z.string().max(130).optional(),
  act: z.string().max(100).optional(),
  outcome: z.enum(['done', 'refused']).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
};

const ENTRY = z.object({
  seq: z.int(),
  at: z.iso.datetime(),
  actor: z.string().describe('An agent, `system` or `anonymous`'),
  act: z.string(),
  subject: z.string(),
  outcome: z.enum(['done', 'refused']),
  digest: z.string().optional().describe('Of what was acted on'),
  from: z.string().optional().describe('Where the request came from'),
  data: z.record(z.string(), z.unknown()),
  prev: z.string().describe('The hash of the row before'),
  hash: z.string(),
});

const shown = ({ at, digest, source, data, key: _key, ...row }: AuditRow): z.infer<typeof ENTRY> => ({
  ...row,
  at: new Date(at).toISOString(),
  ...(digest === null ? {} : { digest }),
  ...(source === null ? {} : { from: source }),
  data: factsOf(data),
});

/** One that somebody has tampered with is still to be seen. */
function factsOf(data: string): Record<string, unknown> {
  try {
    return JSON.parse(data) as Record<string, unknown>;
  } catch {
    return { unreadable: data.slice(0, 1000) };
  }
}

function filterOf(
  query: { since?: string | undefined; until?: string | undefined } & Omit<AuditFilter, 'since' | 'until'>,
): AuditFilter {
  const { subject, actor, act, outcome, since, until } = query;
  const given = {
    subject,
    actor,
    act,
    outcome,
    since: since === undefined ? undefined : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The audit log: for admins. */
export const auditRoutes: Routes = (app, { storage: { audit } }) => {
  app.get(
    '/audit',
    route({
      summary: 'Who did what, when, on which digest, from where: the newest first',
      tag: 'security',
      act: 'audit.read',
      querystring: z.strictObject({
        ...FILTER,
        limit: z.coerce.number().int().min(1).max(200).default(50),
        cursor: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      }),
      success: { 200: z.object({ entries: z.array(ENTRY), next_cursor: z.string().optional() }) },
    }),
    async ({ query: { limit, cursor, ...filter } }) => {
      const page = await audit.list(filterOf(filter), { limit, ...(cursor === undefined ? {} : { before: cursor }) });
      const next = page.next === undefined ? {} : { next_cursor: String(page.next) };
      return { entries: page.rows.map(shown), ...next };
    },
  );
  app.get(
    '/audit/export',
    route({
      summary: 'All rows, oldest first, with the head of the log signed',
      details: 'The rows are as they stand in the log, so that their hashes can be computed again: see docs/audit.md.',
      tag: 'security',
      act: 'audit.read',
      querystring: z.strictObject({ ...FILTER, format: z.enum(AUDIT_FORMATS).default('json') }),
      success: {
        200: { content: { 'application/json': { schema: z.unknown() }, 'text/csv': { schema: z.string() } } },
      },
    }),
    async ({ query: { format, ...filter } }, reply) => {
      const text = exportAudit(audit, format, filterOf(filter));
      return reply
        .type(format === 'json' ? 'application/json; charset=utf-8' : 'text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="audit.${format}"`)
        .header('cache-control', 'no-store')
        .send(Readable.from(text));
    },
  );
};
