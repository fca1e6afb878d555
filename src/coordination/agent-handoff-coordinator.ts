import { randomUUID } from 'node:crypto';
import { documentFrom, snapshotFrom } from '../core/document/document-schema.js';
import {
  DOCUMENT_STATUSES,
  PRIORITY_ORDER,
  type AgentId,
  type ExecutionTraceSnapshot,
  type HandoffContext,
  type HandoffInstructions,
  type HandoffPackage,
  type HandoffPackageJson,
  type HandoffPriority,
  type HandoffStatus,
} from '../core/document/document.js';
import { HandoffError, invalid } from '../core/errors.js';
import { isFields } from '../core/fields.js';
import { TEN_YEARS_MIN } from '../core/fields-schema.js';
import { jsonCopy, type CopyLimits } from '../core/json/copy.js';
import { checkPackageVersion } from '../core/package/version.js';
import { PACKAGE_VERSION } from '../core/package/package.js';
import { parseText } from '../core/json/parse-text.js';
import { DEFAULT_EXPIRY_MINUTES } from '../core/request.js';
import type { ExecutionTrace } from './execution-trace.js';
import { markdownOf } from './markdown.js';

/** What a package is made of. All of it is copied: what its caller changes later changes no package. */
export interface CreateHandoffRequest {
  sourceAgent: AgentId;
  targetAgent: AgentId;
  trace?: ExecutionTrace;
  context: HandoffContext;
  /** A text is the task. */
  instructions: string | HandoffInstructions;
  /** Default normal. */
  priority?: HandoffPriority;
  /** From 0, which has expired a moment later, to ten years. Default 60. */
  expirationMinutes?: number;
  metadata?: Record<string, unknown>;
}

/** A package, and its JSON: plain data that {@link AgentHandoffCoordinator.parseHandoff} takes. */
export interface PreparedHandoff extends HandoffPackage {
  toJSON(): HandoffPackageJson;
}

const SIZE = 64 * 1024 * 1024;
const PACKAGE: CopyLimits = { what: 'The handoff', size: SIZE, code: 'INVALID_PACKAGE' };
const REQUEST: CopyLimits = { what: 'The handoff', size: SIZE, code: 'INVALID_REQUEST' };

/** Makes, reads and shows the documents that agents pass to each other, and keeps those that it is given, in memory. */
export class AgentHandoffCoordinator {
  readonly #handoffs = new Map<string, HandoffPackage>();

  /** A new package, `pending`. Throws INVALID_REQUEST with every issue and its JSON pointer. */
  static prepareHandoff(request: CreateHandoffRequest): PreparedHandoff {
    if (!isFields(request)) throw invalid('INVALID_REQUEST', [{ path: '', message: 'must be an object' }]);
    const { sourceAgent, targetAgent, context, metadata, priority = 'normal', instructions, trace } = request;
    const { expirationMinutes: minutes = DEFAULT_EXPIRY_MINUTES } = request;
    if (!(typeof minutes === 'number' && minutes >= 0 && minutes <= TEN_YEARS_MIN)) {
      const message = `must be a number of minutes from 0 to ${TEN_YEARS_MIN}, not ${String(minutes)}`;
      throw invalid('INVALID_REQUEST', [{ path: '/expirationMinutes', message }]);
    }
    const createdAt = new Date();
    const document = {
      id: randomUUID(),
      version: PACKAGE_VERSION,
      sourceAgent,
      targetAgent,
      priority,
      status: 'pending',
      context,
      instructions: typeof instructions === 'string' ? { task: instructions } : instructions,
      trace: trace && AgentHandoffCoordinator.createTraceSnapshot(trace),
      createdAt,
      expiresAt: new Date(createdAt.getTime() + minutes * 60_000),
      metadata,
    };
    return withJson(documentFrom(jsonCopy(document, REQUEST), 'INVALID_REQUEST'));
  }

  /**
   * A package from its JSON text, or from an object. Dates are dates again, and what a later minor version has added is
   * kept. Throws PACKAGE_VERSION for another major; INVALID_PACKAGE with every issue and its JSON pointer, INVALID_JSON,
   * INPUT_TOO_LARGE.
   */
  static parseHandoff(json: string | object): PreparedHandoff {
    const data = typeof json === 'string' ? parsedText(json) : json;
    if (!isFields(data)) throw invalid('INVALID_PACKAGE', [{ path: '', message: 'must be an object' }]);
    checkPackageVersion(data['version']);
    return withJson(documentFrom(jsonCopy(data, PACKAGE)));
  }

  /** What a trace says now, as plain data. Throws INVALID_PACKAGE for what is none. */
  static createTraceSnapshot(trace: ExecutionTrace): ExecutionTraceSnapshot {
    return snapshotFrom(jsonCopy(trace, PACKAGE));
  }

  /** The package as JSON text, set in by two blanks. Throws as {@link parseHandoff}. */
  static toJSON(handoff: HandoffPackage): string {
    return JSON.stringify(jsonCopy(handoff, PACKAGE), null, 2);
  }

  /** The package for people; all text in it is shown as it is. Throws as {@link parseHandoff}. */
  static toMarkdown(handoff: HandoffPackage): string {
    return markdownOf(AgentHandoffCoordinator.parseHandoff(handoff));
  }

  /** Keeps a package, this very object. Throws INVALID_PACKAGE for what is none. */
  register(handoff: HandoffPackage): void {
    AgentHandoffCoordinator.parseHandoff(handoff);
    // A document that was read by JSON.parse alone: its dates are texts, and would be compared as such.
    const text = (['createdAt', 'expiresAt'] as const).find((field) => typeof handoff[field] === 'string');
    if (text)
      throw invalid('INVALID_PACKAGE', [{ path: `/${text}`, message: 'must be a Date: read it with parseHandoff' }]);
    this.#handoffs.set(handoff.id, handoff);
  }

  get(id: string): HandoffPackage | undefined {
    return this.#handoffs.get(id);
  }

  /** Whether there is such a package. Throws INVALID_PACKAGE for a status that there is not. */
  updateStatus(id: string, status: HandoffStatus): boolean {
    if (!DOCUMENT_STATUSES.includes(status)) {
      const message = `must be one of ${DOCUMENT_STATUSES.join(', ')}`;
      throw invalid('INVALID_PACKAGE', [{ path: '/status', message }]);
    }
    const handoff = this.#handoffs.get(id);
    if (handoff) handoff.status = status;
    return handoff !== undefined;
  }

  /** Whether its time is over. One without an expiry never expires. */
  isExpired({ expiresAt }: HandoffPackage): boolean {
    return expiresAt !== undefined && new Date() > expiresAt;
  }

  /** What waits for an agent and has not expired: the most urgent first, and of equals the oldest. */
  listPendingForAgent(agentId: AgentId): HandoffPackage[] {
    return [...this.#handoffs.values()]
      .filter((h) => h.targetAgent === agentId && h.status === 'pending' && !this.isExpired(h))
      .toSorted(
        (a, b) =>
          PRIORITY_ORDER[a.priority] - PRIORITY_ORDER[b.priority] || a.createdAt.getTime() - b.createdAt.getTime(),
      );
  }

  /** Forgets what has expired, whatever its status; returns how many. A durable handoff is recorded instead. */
  clearExpired(): number {
    const expired = [...this.#handoffs.values()].filter((h) => this.isExpired(h));
    for (const { id } of expired) this.#handoffs.delete(id);
    return expired.length;
  }
}

/** One for all who need no more. */
export const agentHandoffCoordinator = new AgentHandoffCoordinator();

function parsedText(json: string): unknown {
  if (json.length > SIZE)
    throw new HandoffError('INPUT_TOO_LARGE', { what: 'The handoff', size: json.length, limit: SIZE });
  return parseText(json, 'The handoff', 'JSON');
}

/** Not enumerable, so that a package is nothing but its fields to those who compare, spread or clone it. */
function withJson(handoff: HandoffPackage): PreparedHandoff {
  const value = (): unknown => jsonCopy({ ...handoff }, PACKAGE);
  return Object.defineProperty(handoff, 'toJSON', { value, configurable: true, writable: true }) as PreparedHandoff;
}
