/** What can go wrong between us and a Temporal server. */
export type ServerErrorCode =
  | 'TEMPORAL_SERVER_NOT_FOUND'
  | 'TEMPORAL_SERVER_FAILED'
  | 'TEMPORAL_SERVER_INSTALL_FAILED'
  | 'TEMPORAL_UNREACHABLE'
  | 'TEMPORAL_CONFIG_INVALID'
  | 'SEARCH_ATTRIBUTES_REFUSED'
  | 'PORT_IN_USE';

/** An error whose message a person can act on; `code` is stable, the message is not. */
export class ServerError extends Error {
  constructor(
    readonly code: ServerErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ServerError';
  }
}
