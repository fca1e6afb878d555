import type { FastifyRequest } from 'fastify';
import { HandoffError } from '../../core/errors.js';
import { ATTACHMENT_MEDIA_TYPES as MEDIA_TYPES } from '../../core/report/attachment.js';
import type { Api, ApiDeps, Routes } from '../deps.js';
import { route, type MediaAnswer } from '../route.js';
import { attachQuery, nameQuery, reportPath } from '../schemas/report-inputs.js';
import { viewSchema } from '../schemas/report.js';
import { EDITS, READS, reportsOf, sendFile, write } from './reports-common.js';
import { z } from 'zod';

const BYTES: MediaAnswer = {
  description: 'The bytes, as they were put',
  // JSON is any JSON; the others are texts or bytes to who reads the document.
  content: Object.fromEntries(
    MEDIA_TYPES.map((type) => [
      type,
      { schema: type === 'application/json' ? z.unknown() : z.string().meta({ format: 'binary' }) },
    ]),
  ),
};
const path = '/reports/:report_id/attachments';

const ESSENCE = new RegExp(
  `^(${MEDIA_TYPES.map((t) => t.replaceAll(/[.+]/g, '\\$&').replace('*', '[a-z0-9][a-z0-9.+-]*')).join('|')})(?=\\s*(;|$))`,
  'i',
);

/** What the body says that it is, without its parameters. Throws UNSUPPORTED_MEDIA_TYPE. */
function mediaTypeOf({ headers, body }: FastifyRequest): string {
  const type = headers['content-type'] ?? '';
  const [essence] = ESSENCE.exec(type.trim()) ?? [];
  if (essence !== undefined && Buffer.isBuffer(body)) return essence.toLowerCase();
  const shown = type.slice(0, 100) || 'that it does not say';
  throw new HandoffError('UNSUPPORTED_MEDIA_TYPE', { type: shown, allowed: MEDIA_TYPES.join(', ') });
}

/** Files that belong to a report. */
export const reportAttachmentRoutes: Routes = async (api, deps) => {
  await api.register(async (scope) => {
    // Here JSON is bytes too.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(ESSENCE, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    putRoute(scope, deps);
  });
  fileRoutes(api, deps);
};

const putRoute = (app: Api, deps: ApiDeps): void => {
  app.put(
    path,
    {
      ...route({
        summary: 'Attach a file',
        details: 'The body is the file. Test and coverage reports (JUnit, lcov, Cobertura, Istanbul) become facts.',
        tag: 'reports',
        act: 'report.edit',
        params: reportPath,
        querystring: attachQuery,
        bodyMedia: MEDIA_TYPES,
        success: { 200: viewSchema },
        problems: EDITS,
      }),
      bodyLimit: deps.settings.maxAttachmentBytes,
    },
    (request, reply) => {
      const { params, query, body } = request;
      const file = { ...query, media_type: mediaTypeOf(request), bytes: body as Buffer };
      return write(deps, request, reply, (reports, options) => reports.attach(params.report_id, file, options));
    },
  );
};

const fileRoutes = (app: Api, deps: ApiDeps): void => {
  app.get(
    path,
    route({
      summary: 'The bytes of an attachment',
      tag: 'reports',
      act: 'report.read',
      params: reportPath,
      querystring: nameQuery,
      success: { 200: BYTES },
      problems: READS,
    }),
    async (request, reply) => {
      const { attachment, bytes } = await reportsOf(deps, request).attachment(
        request.params.report_id,
        request.query.name,
      );
      const name = attachment.name.split('/').at(-1)!;
      return sendFile(reply, { name, mediaType: attachment.media_type, bytes });
    },
  );
  app.delete(
    path,
    route({
      summary: 'Take an attachment away',
      tag: 'reports',
      act: 'report.edit',
      params: reportPath,
      querystring: nameQuery,
      success: { 200: viewSchema },
      problems: EDITS,
    }),
    (request, reply) => {
      const { report_id: id } = request.params;
      return write(deps, request, reply, (reports, options) => reports.detach(id, request.query.name, options));
    },
  );
};
