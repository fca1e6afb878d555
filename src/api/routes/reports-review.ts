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
import { WRITES, write } from './reports-common.js';

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
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.submit(params.report_id, body, options));
    },
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
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.review(params.report_id, body, options));
    },
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
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.enterFact(params.report_id, body, options));
    },
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
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.signOff(params.report_id, body, options));
    },
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
    (request, reply) => {
      const { report_id: id, role } = request.params;
      return write(deps, request, reply, (reports, options) => reports.revokeSignOff(id, role, request.body, options));
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
    (request, reply) => {
      const { report_id: id, role, condition } = request.params;
      return write(deps, request, reply, (reports, options) =>
        reports.meetCondition(id, role, condition, request.body, options),
      );
    },
  );
  app.post(
    '/reports/:report_id/comments',
    route({ ...one, summary: 'Comment on a report', act: 'report.comment', body: commentSchema, problems: DECIDES }),
    (request, reply) => {
      const { params, body } = request;
      return write(deps, request, reply, (reports, options) => reports.comment(params.report_id, body, options));
    },
  );
};
