import type { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';

/** A span that has ended, in brief. */
export interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parent?: string;
  error: boolean;
  attributes: Record<string, unknown>;
  /** The process that exported it. */
  pid: number;
}

export function tracing(take: (span: Span) => void): OpenTelemetryPlugin;
