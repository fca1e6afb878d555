import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Reports, WriteOptions } from '../../client/reports/port.js';
import type { ErrorCode } from '../../core/errors.js';
import type { ExportFormat, ReportView } from '../../core/report/view.js';
import type { ApiDeps } from '../deps.js';
import { etagOf, ifMatchOf } from '../etag.js';
import { idempotencyKeyOf } from '../idempotency.js';
import type { MediaAnswer } from '../route.js';
import { z } from 'zod';

/** What the routes of one report have in common. */
export const READS = ['REPORT_NOT_FOUND'] as const satisfies readonly ErrorCode[];
export const WRITES = [
  'REPORT_NOT_FOUND',
  'REPORT_STATE',
  'PRECONDITION_FAILED',
] as const satisfies readonly ErrorCode[];
/** Of what is written into a report. */
export const EDITS = [...WRITES, 'INVALID_REPORT', 'REPORT_CHANGED'] as const satisfies readonly ErrorCode[];

/** The reports, for who asks; which key they asked with is no affair of a history's. */
export function reportsOf({ client }: ApiDeps, { actor }: FastifyRequest): Reports {
  const { by, roles, from } = actor;
  return client.reports({ by, roles, ...(from === undefined ? {} : { from }) });
}

/** What a write says of itself in its headers. */
async function writing(
  deps: ApiDeps,
  request: FastifyRequest<{ Params: { report_id: string } }>,
): Promise<WriteOptions> {
  const { report_id: id } = request.params;
  const ifMatch = await ifMatchOf(request, async () => (await reportsOf(deps, request).get(id)).seq);
  const idempotencyKey = idempotencyKeyOf(request);
  return { ...(ifMatch === undefined ? {} : { ifMatch }), ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
}

/** A report as it is now, with its tag. */
export function shown(reply: FastifyReply, view: ReportView): ReportView {
  void reply.header('etag', etagOf(view.seq));
  return view;
}

/** Does one act on a report, as its headers ask, and answers with what it is then. */
export async function write(
  deps: ApiDeps,
  request: FastifyRequest<{ Params: { report_id: string } }>,
  reply: FastifyReply,
  act: (reports: Reports, options: WriteOptions) => Promise<ReportView>,
): Promise<ReportView> {
  return shown(reply, await act(reportsOf(deps, request), await writing(deps, request)));
}

const ENDINGS: Record<ExportFormat, string> = { json: 'json', csv: 'csv', markdown: 'md' };

/** The answer of an export, for the document. */
export const EXPORTED: MediaAnswer = {
  description: 'A file',
  content: {
    'application/json': { schema: z.unknown() },
    'text/csv': { schema: z.string() },
    'text/markdown': { schema: z.string() },
  },
};

/** Answers with a file to keep: a browser must not show as a page what users wrote. */
export function sendFile(
  reply: FastifyReply,
  { name, mediaType, bytes }: { name: string; mediaType: string; bytes: Uint8Array | string },
): FastifyReply {
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return reply
    .header('content-disposition', `attachment; filename*=UTF-8''${encoded}`)
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'private, no-store')
    .type(mediaType)
    .send(Buffer.from(bytes as Uint8Array));
}

/** Answers with an export; `name` has no ending yet. */
export const sendExport = (
  reply: FastifyReply,
  name: string,
  format: ExportFormat,
  { mediaType, text }: { mediaType: string; text: string },
): FastifyReply => sendFile(reply, { name: `${name}.${ENDINGS[format]}`, mediaType, bytes: Buffer.from(text) });
