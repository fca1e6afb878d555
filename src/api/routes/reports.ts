import { z } from 'zod';
import { componentChangeSchema, createReportSchema, updateReportSchema } from '../../core/report/report-schema.js';
import type { Routes } from '../deps.js';
import { etagOf, isUnchanged } from '../etag.js';
import { idempotencyKeyOf } from '../idempotency.js';
import { route } from '../route.js';
import {
  componentPath,
  exportQuery,
  historyQuery,
  listQuery,
  reportPath,
  versionPath,
} from '../schemas/report-inputs.js';
import { contentSchema, historySchema, pageSchema, viewSchema } from '../schemas/report.js';
import { EDITS, EXPORTED, READS, reportsOf, sendExport, shown, write } from './reports-common.js';

const read = { tag: 'reports', act: 'report.read', params: reportPath, problems: READS } as const;
const edit = { tag: 'reports', act: 'report.edit', success: { 200: viewSchema }, problems: EDITS } as const;

/** Reports: write, read, list, their versions and their exports. */
export const reportRoutes: Routes = (app, deps) => {
  app.post(
    '/reports',
    route({
      summary: 'Write a report',
      details: 'Of work that its author was handed, or handed over. It is a draft until it is handed in.',
      tag: 'reports',
      act: 'report.create',
      body: createReportSchema,
      success: { 201: viewSchema },
      problems: ['INVALID_REPORT', 'REPORT_EXISTS', 'HANDOFF_NOT_FOUND'],
    }),
    async (request, reply) => {
      const idempotencyKey = idempotencyKeyOf(request);
      const view = await reportsOf(deps, request).create(request.body, idempotencyKey ? { idempotencyKey } : {});
      void reply.code(201).header('location', `${request.url.split('?', 1)[0]!}/${view.report_id}`);
      return shown(reply, view);
    },
  );
  app.get(
    '/reports',
    route({
      summary: 'List reports',
      details: 'Those that who asks may read, the newest first.',
      tag: 'reports',
      act: 'report.list',
      querystring: listQuery,
      success: { 200: pageSchema },
    }),
    (request) => reportsOf(deps, request).list(request.query),
  );
  app.get(
    '/reports/:report_id',
    route({
      ...read,
      summary: 'Read a report',
      success: { 200: viewSchema, 304: z.null().describe('As you have it') },
    }),
    async (request, reply) => {
      const view = await reportsOf(deps, request).get(request.params.report_id);
      if (isUnchanged(request, reply, etagOf(view.seq))) return reply.code(304).send(null);
      return view;
    },
  );
  app.put(
    '/reports/:report_id',
    route({
      ...edit,
      summary: 'Change a report',
      details:
        'What is given replaces what was there; `null` takes an optional field away. An edit dismisses sign-offs.',
      params: reportPath,
      body: updateReportSchema,
    }),
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.update(params.report_id, body, options));
    },
  );
  app.put(
    '/reports/:report_id/components/:component_type',
    route({ ...edit, summary: 'Say how far a component is', params: componentPath, body: componentChangeSchema }),
    (request, reply) => {
      const { report_id: id, component_type: component } = request.params;
      return write(deps, request, reply, (reports, options) =>
        reports.updateComponent(id, component, request.body, options),
      );
    },
  );
  app.get(
    '/reports/:report_id/history',
    route({
      ...read,
      summary: 'What happened to a report, and what changed',
      details: 'The oldest first, in pages.',
      querystring: historyQuery,
      success: { 200: historySchema },
      problems: [...READS, 'INVALID_REPORT'],
    }),
    (request) => reportsOf(deps, request).history(request.params.report_id, request.query),
  );
  app.get(
    '/reports/:report_id/versions/:version',
    route({ ...read, summary: 'One version of the content', params: versionPath, success: { 200: contentSchema } }),
    (request) => reportsOf(deps, request).version(request.params.report_id, request.params.version),
  );
  app.get(
    '/reports/:report_id/export',
    route({ ...read, summary: 'One report as a file', querystring: exportQuery, success: { 200: EXPORTED } }),
    async (request, reply) => {
      const { report_id: id } = request.params;
      const { format } = request.query;
      return sendExport(reply, `report-${id}`, format, await reportsOf(deps, request).export(id, format));
    },
  );
  app.get(
    '/reports/export',
    route({
      summary: 'Reports as a file',
      details: 'All that fit the filter and that who asks may read.',
      tag: 'reports',
      act: 'report.list',
      querystring: listQuery.omit({ limit: true, cursor: true }).extend(exportQuery.shape),
      success: { 200: EXPORTED },
    }),
    async (request, reply) => {
      const { format, ...filter } = request.query;
      return sendExport(reply, 'reports', format, await reportsOf(deps, request).exportAll(filter, format));
    },
  );
};
