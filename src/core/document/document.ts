/**
 * The document that one agent passes to another: S5's types, with its names. A durable agent handoff carries the same.
 */

/** The agents that the document lists, or any other. */
export type AgentId =
  | 'speckit-generator'
  | 'code-reviewer'
  | 'security-auditor'
  | 'tdd-workflow'
  | 'documentation-generator'
  | 'architecture-advisor'
  | 'debugging-assistant'
  | 'mcp-tool-builder'
  | 'prompt-architect'
  | 'custom'
  | (string & {});

export type HandoffPriority = 'immediate' | 'normal' | 'background';

/** In lists, what is to be taken up first comes first. */
export const PRIORITY_ORDER: Record<HandoffPriority, number> = { immediate: 0, normal: 1, background: 2 };

export const DOCUMENT_STATUSES = ['pending', 'accepted', 'rejected', 'completed', 'expired'] as const;
export type HandoffStatus = (typeof DOCUMENT_STATUSES)[number];

/** What the receiving agent gets to know. */
export interface HandoffContext {
  sessionId?: string;
  /** Files that were made or changed. */
  artifacts?: string[];
  workingDirectory?: string;
  /** What the user asked for. */
  userRequest?: string;
  decisions?: { what: string; why: string; alternatives?: string[] }[];
  custom?: Record<string, unknown>;
}

/** What the receiving agent is to do. */
export interface HandoffInstructions {
  task: string;
  expectedOutput?: string;
  /** How anybody can tell that it is done. */
  doneCriteria?: string[];
  constraints?: string[];
  focusAreas?: string[];
  avoid?: string[];
  deadline?: Date;
}

/** What an execution trace says, as plain data. */
export interface ExecutionTraceSnapshot {
  operation: string;
  /** ISO 8601: when it began. */
  timestamp: string;
  durationMs: number;
  decisions: { point: string; choice: string; reason: string }[];
  metrics: { name: string; value: number; unit?: string }[];
  errors: { code: string; message: string }[];
  success: boolean;
}

export interface HandoffPackage {
  id: string;
  /** Of the package format; the major decides compatibility. */
  version: string;
  sourceAgent: AgentId;
  targetAgent: AgentId;
  priority: HandoffPriority;
  status: HandoffStatus;
  context: HandoffContext;
  instructions: HandoffInstructions;
  trace?: ExecutionTraceSnapshot;
  createdAt: Date;
  expiresAt?: Date;
  metadata?: Record<string, unknown>;
}

/** A package as JSON carries it: dates are ISO 8601. */
export interface HandoffPackageJson extends Omit<HandoffPackage, 'instructions' | 'createdAt' | 'expiresAt'> {
  instructions: Omit<HandoffInstructions, 'deadline'> & { deadline?: string };
  createdAt: string;
  expiresAt?: string;
}

/** A trace, or what it says. */
export type TraceLike = ExecutionTraceSnapshot | { toJSON(): ExecutionTraceSnapshot };
