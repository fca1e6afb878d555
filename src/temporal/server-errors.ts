import { HandoffError, type ErrorCode } from '../core/errors.js';

/** What can go wrong between us and a Temporal server. */
type ServerErrorCode = Extract<
  ErrorCode,
  | 'TEMPORAL_SERVER_NOT_FOUND'
  | 'TEMPORAL_SERVER_FAILED'
  | 'TEMPORAL_SERVER_INSTALL_FAILED'
  | 'TEMPORAL_UNREACHABLE'
  | 'TEMPORAL_CONFIG_INVALID'
  | 'SEARCH_ATTRIBUTES_REFUSED'
  | 'PORT_IN_USE'
>;

/** An error about the server; `why` is the whole text, because only the place that meets it knows what to do. */
export const serverError = (code: ServerErrorCode, why: string, options?: { cause?: unknown }): HandoffError =>
  new HandoffError(code, { why }, options);
