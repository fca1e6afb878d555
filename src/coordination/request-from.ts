import type { HandoffPackage, HandoffPackageJson } from '../core/document/document.js';
import { invalid } from '../core/errors.js';
import type { HandoffRequest } from '../core/request.js';
import { AGENT_HANDOFF_STANDARD } from '../core/standard-procedures.js';
import { AgentHandoffCoordinator } from './agent-handoff-coordinator.js';

/** What a durable handoff of a document needs besides it, or is to have in place of what it says. */
export type RequestOptions = Partial<HandoffRequest>;

/** Whether this is a document rather than a request. */
const isDocument = (input: unknown): input is HandoffPackage =>
  typeof input === 'object' && input !== null && 'sourceAgent' in input && !('procedure' in input);

/**
 * The request that hands a document over durably, by AGENT_HANDOFF_STANDARD: its id is the handoff's, so the same document
 * is handed over once. The files that it lists are only listed; name them under `artifacts` to have them transferred.
 * Throws INVALID_PACKAGE, PACKAGE_VERSION.
 */
export function requestFrom(document: HandoffPackage | HandoffPackageJson, more: RequestOptions = {}): HandoffRequest {
  const json = AgentHandoffCoordinator.parseHandoff(document).toJSON();
  const { id, sourceAgent, targetAgent, priority, status, expiresAt, instructions, trace, ...rest } = json;
  if (status !== 'pending') {
    const message = `is ${status}; only what is pending is handed over`;
    throw invalid('INVALID_PACKAGE', [{ path: '/status', message }]);
  }
  const { context, ...fields } = rest;
  const { sessionId, ...said } = context;
  // A request does not tell none from empty, so what is empty stays in the document.
  const { metadata } = fields;
  if (isFilled(metadata)) delete fields.metadata;
  const { custom } = said;
  if (isFilled(custom)) delete said.custom;
  return {
    handoffId: id,
    procedure: AGENT_HANDOFF_STANDARD.procedure_id,
    type: 'AGENT_HANDOFF',
    source: { agent: sourceAgent },
    target: { agent: targetAgent },
    priority,
    ...(sessionId === undefined ? {} : { session: sessionId }),
    ...(expiresAt === undefined || more.expiresInMinutes !== undefined ? {} : { expiresAt }),
    ...(isFilled(custom) ? { context: custom } : {}),
    instructions,
    ...(trace ? { trace } : {}),
    ...(isFilled(metadata) ? { metadata } : {}),
    document: { ...fields, context: said },
    ...more,
  };
}

const isFilled = (fields: Record<string, unknown> | undefined): fields is Record<string, unknown> =>
  fields !== undefined && Object.keys(fields).length > 0;

/** A request as it is, or the one that hands a document over. */
export const asRequest = (input: HandoffRequest | HandoffPackage): HandoffRequest =>
  isDocument(input) ? requestFrom(input) : input;
