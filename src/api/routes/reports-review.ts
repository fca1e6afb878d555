import {
  commentSchema,
  enterFactSchema,
  meetConditionSchema,
  reviewReportSchema,
  revokeSchema,
  signOffSchema,
  submitReportSchema,
} from '../../core/report/report-schema.js';
import type { Routes } from '../deps.js';
import { route } from '../route.js';
import { conditionPath, reportPath, rolePath } from '../schemas/report-inputs.js';
import { viewSchema } from '../schemas/report.js';
import { WRITES, reportsOf, shown, writing } from './reports-common.js';

const one = { tag: 'reports', params: reportPath, success: { 200: viewSchema } } as const;
const DECIDES = [...WRITES, 'REPORT_CHANGED', 'INVALID_REPORT'] as const;

/** What becomes of a report: it is handed in, reviewed, signed off. */
export const reportReviewRoutes: Routes = (app, deps) => {
  app.post(
    '/reports/:report_id/submit',
    route({
      ...one,
      summary: 'Hand a report in',
      details: 'Refused with every reason while it is not complete.',
      act: 'report.submit',
      body: submitReportSchema,
      problems: [...DECIDES, 'REPORT_INCOMPLETE'],
    }),
    async (request, reply) =>
      shown(
        reply,
        await reportsOf(deps, request).submit(request.params.report_id, request.body, await writing(deps, request)),
      ),
  );
  app.post(
    '/reports/:report_id/review',
    route({
      ...one,
      summary: 'Review a report',
      details: 'Of what If-Match names, or of what is there now; nobody reviews a report of their own.',
      act: 'report.review',
      body: reviewReportSchema,
      problems: DECIDES,
    }),
    async (request, reply) =>
      shown(
        reply,
        await reportsOf(deps, request).review(request.params.report_id, request.body, await writing(deps, request)),
      ),
  );
  app.post(
    '/reports/:report_id/facts',
    route({
      ...one,
      summary: 'Enter what you have seen yourself',
      details: 'A reviewer who is not the author: tests that ran, coverage, a component that works.',
      act: 'report.enter_fact',
      body: enterFactSchema,
      problems: DECIDES,
    }),
    async (request, reply) =>
      shown(
        reply,
        await reportsOf(deps, request).enterFact(request.params.report_id, request.body, await writing(deps, request)),
      ),
  );
  app.post(
    '/reports/:report_id/sign-off',
    route({
      ...one,
      summary: 'Sign a report off, in a role',
      details: 'Bound to the digest of what is signed: an edit dismisses it. Conditions make the approval conditional.',
      act: 'report.sign_off',
      body: signOffSchema,
      problems: [...DECIDES, 'SIGN_OFF_REFUSED'],
    }),
    async (request, reply) =>
      shown(
        reply,
        await reportsOf(deps, request).signOff(request.params.report_id, request.body, await writing(deps, request)),
      ),
  );
  app.post(
    '/reports/:report_id/sign-off/:role/revoke',
    route({
      ...one,
      summary: 'Take a sign-off back',
      act: 'report.revoke_sign_off',
      params: rolePath,
      body: revokeSchema,
      problems: [...DECIDES, 'SIGN_OFF_REFUSED'],
    }),
    async (request, reply) => {
      const { report_id: id, role } = request.params;
      const options = await writing(deps, request);
      return shown(reply, await reportsOf(deps, request).revokeSignOff(id, role, request.body, options));
    },
  );
  app.post(
    '/reports/:report_id/sign-off/:role/conditions/:condition/met',
    route({
      ...one,
      summary: 'Say that a condition is met',
      details: 'Conditions count from 0, in the order of the sign-off.',
      act: 'report.meet_condition',
      params: conditionPath,
      body: meetConditionSchema,
      problems: [...DECIDES, 'SIGN_OFF_REFUSED'],
    }),
    async (request, reply) => {
      const { report_id: id, role, condition } = request.params;
      const options = await writing(deps, request);
      return shown(reply, await reportsOf(deps, request).meetCondition(id, role, condition, request.body, options));
    },
  );
  app.post(
    '/reports/:report_id/comments',
    route({ ...one, summary: 'Comment on a report', act: 'report.comment', body: commentSchema, problems: DECIDES }),
    async (request, reply) =>
      shown(
        reply,
        await reportsOf(deps, request).comment(request.params.report_id, request.body, await writing(deps, request)),
      ),
  );
};
