import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { HandoffError, invalid, type ErrorCode, type ErrorParams, type Issue } from '../core/errors.js';
import { noteRefusal } from './refusals.js';

/** RFC 9457. `code` is one of our catalogue, `type` leads to what is said of it. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  /** What is wrong where: JSON pointers into the body, or names of parameters and headers. */
  errors?: Issue[];
  /** Whether the same request can succeed later. */
  retryable: boolean;
  /** The facts in `detail`, by name, as the error reference has them: a client makes the same error of them. */
  params?: ErrorParams;
}

/** Errors of 500 and above whose text says nothing of what is inside. */
const TELLABLE: ReadonlySet<ErrorCode> = new Set(['NO_WORKER', 'DEADLINE_EXCEEDED', 'QUERY_TOO_EARLY']);
const UNTOLD = 'The service could not do this now; its log says why.';

/** What is answered for an error; of those that are not the caller's nothing is told but the code. */
export function problemOf(error: unknown, base = ''): Problem {
  const own = ownError(error);
  const { list, ...params } = own.params as { list?: Issue[] };
  const told = own.http < 500 || TELLABLE.has(own.code);
  return {
    type: `${base}/docs/errors#${own.code.toLowerCase()}`,
    title: own.code.toLowerCase().replaceAll('_', ' '),
    status: own.http,
    detail: told ? own.message : UNTOLD,
    code: own.code,
    ...(Array.isArray(list) ? { errors: list } : {}),
    retryable: own.retryable,
    ...(told ? { params } : {}),
  };
}

/** Any error as one of ours. */
function ownError(error: unknown, request?: FastifyRequest): HandoffError {
  if (error instanceof HandoffError) return error;
  const foreign = error as Partial<FastifyError> | undefined;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = (error as FastifyError).validationContext;
    return invalid(
      'INVALID_INPUT',
      error.validation.map((v) => issueOf(v, where)),
    );
  }
  const body = (message: string): HandoffError => invalid('INVALID_INPUT', [{ path: '', message }]);
  switch (foreign?.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const type = request?.headers['content-type']?.slice(0, 100) ?? 'that it does not say';
      return new HandoffError('UNSUPPORTED_MEDIA_TYPE', {
        type,
        allowed: (request?.routeOptions.config.spec?.bodyMedia ?? ['application/json']).join(', '),
      });
    }
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const limit = request?.routeOptions.bodyLimit ?? 'fewer';
      const size = request?.headers['content-length'] ?? `more than ${limit}`;
      return new HandoffError('INPUT_TOO_LARGE', { what: 'The body', size, limit });
    }
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new HandoffError('INVALID_JSON', { source: 'The body', format: 'JSON', why: String(foreign.message) });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return body('is not as long as Content-Length says');
    case 'FST_ERR_NOT_FOUND':
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HandoffError('NOT_FOUND', { path: pathOf(request) });
    default:
  }
  const { statusCode = 500 } = foreign ?? {};
  if (statusCode === 404) return new HandoffError('NOT_FOUND', { path: pathOf(request) }, { cause: error });
  // What else Fastify and its plugins refuse: their text is about the request, never about us.
  if (statusCode >= 400 && statusCode < 500) return body(String(foreign?.message ?? 'is not valid'));
  return new HandoffError('INTERNAL', { why: 'it is in the log of the service' }, { cause: error });
}

export const pathOf = (request: FastifyRequest | undefined): string =>
  (request?.url ?? 'this path').split('?', 1)[0]!.slice(0, 200);

/** Into the body by pointer, else by the name of the parameter; of unknown fields each by its own. */
function issueOf(
  { instancePath, message = 'is not valid' }: { instancePath: string; message?: string | undefined },
  where: string | undefined,
): Issue {
  const pointer = instancePath === '/' ? '' : instancePath;
  return { path: where === 'body' || where === undefined ? pointer : pointer.slice(1) || where, message };
}

/** Answers with what went wrong: the error handler of the service. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const own = ownError(error, request);
  const problem = problemOf(own, request.server.handoffBase);
  if (problem.status >= 500) request.log.error({ err: error, req: request }, own.code);
  noteRefusal(own, request);
  const { seconds, allowed } = own.params;
  if (own.code === 'RATE_LIMITED') void reply.header('retry-after', String(seconds));
  if (own.code === 'METHOD_NOT_ALLOWED') void reply.header('allow', String(allowed));
  if (own.code === 'UNAUTHENTICATED') void reply.header('www-authenticate', 'Bearer realm="handoff"');
  // As text: a route's own schemas are about its successes.
  return reply
    .code(problem.status)
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}
