import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { HandoffError } from '../core/errors.js';

/** RFC 9457. `code` is one of our catalogue, `type` its page. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  instance?: string;
  /** What is wrong where: JSON pointers into the body, or names of parameters. */
  errors?: { path: string; message: string }[];
  retryable?: boolean;
}

/** What is answered for an error; of those that are not ours nothing is told. */
export function problemOf(error: unknown): Problem {
  const own = error instanceof HandoffError ? error : foreign(error as FastifyError);
  const { list } = own.params as { list?: Problem['errors'] };
  return {
    type: `https://handoff.invalid/errors#${own.code.toLowerCase()}`,
    title: own.code,
    status: own.http,
    detail: own.message,
    code: own.code,
    retryable: own.retryable,
    ...(list ? { errors: list } : {}),
  };
}

function foreign(error: FastifyError): HandoffError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const list = error.validation.map((v) => ({ path: v.instancePath, message: v.message ?? 'is not valid' }));
    return new HandoffError('INVALID_REQUEST', { issues: list.map((i) => `${i.path}: ${i.message}`).join('; '), list });
  }
  return new HandoffError('INTERNAL', { why: 'it is in the log of the service' });
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem.status >= 500) request.log.error(error);
  return reply.code(problem.status).type('application/problem+json').send(problem);
}
