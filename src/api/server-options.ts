import type { FastifyRequest, FastifyServerOptions } from 'fastify';
import type { Socket } from 'node:net';
import { HandoffError, invalid } from '../core/errors.js';
import type { ApiDeps } from './deps.js';
import { problemOf, sendProblem } from './errors.js';

/** What one whole request may take to arrive, milliseconds. */
const REQUEST_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
/** A part of a path: agents' names, ids; with what is encoded in it. */
const PARAM_MAX = 500;

/** Of the server that the service has to itself. */
export function serverOptions({ settings, log }: ApiDeps): FastifyServerOptions {
  return {
    // No header, no body and no query is written down: they may have secrets.
    logger: log ? { level: 'error', stream: { write: log }, serializers: { req: named, err: told } } : false,
    // The one in front of us: what others said before it could be anybody's word.
    trustProxy: settings.trustProxy ? (_address, hop) => hop === 0 : false,
    bodyLimit: settings.maxReportBytes,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PARAM_MAX },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler,
  };
}

const named = (request: FastifyRequest): { method: string; route: unknown } => ({
  method: request.method,
  route: request.routeOptions.url,
});

/** Plugins hang all sorts of things on their errors. */
const told = (error: Error & { code?: string }): { type: string; code: string; message: string; stack: string } => ({
  type: error.name,
  code: error.code ?? '',
  message: error.message,
  stack: error.stack ?? '',
});

/** What is no HTTP, or has too much in its head, never becomes a request. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, own] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, new HandoffError('INPUT_TOO_LARGE', { what: 'The head of the request', size: 'more', limit: 16384 })]
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, invalid('INVALID_INPUT', [{ path: '', message: 'did not arrive in time' }])]
        : [400, invalid('INVALID_INPUT', [{ path: '', message: 'is no HTTP' }])];
  const body = JSON.stringify({ ...problemOf(own), status });
  socket.end(
    `HTTP/1.1 ${status} \r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
