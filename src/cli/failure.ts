import { CommanderError } from 'commander';
import { HandoffError, isErrorCode, ERRORS } from '../core/errors.js';

/** What the command line itself refuses: wrong usage, or a folder that is not there. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly code: 'USAGE' | 'FOLDER_NOT_FOUND' = 'USAGE',
    readonly params: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** 1: it failed, or the handoff did not complete. 2: wrong usage or bad input. 3: nobody could be reached. */
export type ExitCode = 0 | 1 | 2 | 3;

/** An error as the command line shows it. */
export interface Failure {
  code: string;
  message: string;
  params: Record<string, unknown>;
  exitCode: ExitCode;
}

const UNREACHABLE = new Set(['TEMPORAL_UNREACHABLE', 'NO_WORKER', 'DEADLINE_EXCEEDED']);
/** Bad input that the catalogue files under another HTTP status than 400, and faults of the surroundings under 400. */
const BAD_INPUT = new Set([
  'INPUT_TOO_LARGE',
  'PROCEDURE_UNKNOWN',
  'CONTRACT_UNKNOWN',
  'AGENT_UNKNOWN',
  'RELIABILITY_UNKNOWN',
  'TEMPORAL_CONFIG_INVALID',
]);

function exitCodeOf(code: string): ExitCode {
  if (UNREACHABLE.has(code)) return 3;
  if (BAD_INPUT.has(code)) return 2;
  return isErrorCode(code) && ERRORS[code].http === 400 ? 2 : 1;
}

/** Any thrown thing as a failure with a code; what has none is INTERNAL. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HandoffError) {
    const { code, message, params } = error;
    return { code, message, params, exitCode: exitCodeOf(code) };
  }
  if (error instanceof UsageError)
    return { code: error.code, message: error.message, params: error.params, exitCode: 2 };
  if (error instanceof CommanderError) {
    return {
      code: 'USAGE',
      message: error.message.replace(/^error: /, '').replaceAll('\n', ' '),
      params: {},
      exitCode: 2,
    };
  }
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  // The server's errors have a code and a message of their own; Node's have codes such as EACCES that say enough.
  if (typeof code === 'string' && /^[A-Z][A-Z_]{3,}$/.test(code)) {
    return { code, message: text, params: {}, exitCode: exitCodeOf(code) };
  }
  return { code: 'INTERNAL', message: text, params: {}, exitCode: 1 };
}
