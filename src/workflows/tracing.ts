import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import {
  ContinueAsNew,
  proxySinks,
  workflowInfo,
  type Sink,
  type Sinks,
  type WorkflowInterceptors,
} from '@temporalio/workflow';

// Stands in for the workflow part of Temporal's OpenTelemetryPlugin, whose header, sink and names it uses. That one awaits
// before and after each call, which changes the order of a run's commands, so that no run could go over from a worker that
// traces to one that does not; and it draws ids from the run's random numbers. This one awaits nothing.

const HEADER = '_tracer-data';
/** OpenTelemetry's numbers for how a span ended. */
const [OK, ERROR] = [1, 2];

/** Whose child a span is, and whether it is recorded at all. */
interface Place {
  traceId: string;
  spanId: string;
  flags: number;
  state?: string;
}

interface Exporter extends Sinks {
  exporter: Sink & { export(spans: object[]): void };
}

/** So many hexadecimal digits that follow from a text (FNV-1a): a replay makes the same ids. */
function hex(text: string, digits: number): string {
  let found = '';
  for (let round = 0; found.length < digits; round++) {
    let hash = 0x811c9dc5;
    for (const c of `${round}${text}`) hash = Math.imul(hash ^ c.codePointAt(0)!, 0x01000193);
    // A last stir, so that texts that differ at their end differ everywhere.
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
    found += ((hash ^ (hash >>> 15)) >>> 0).toString(16).padStart(8, '0');
  }
  return found.slice(0, digits);
}

/** What a header of W3C's trace context says; undefined where it says nothing that can be read. */
function placeIn(headers: Headers): Place | undefined {
  const payload = headers[HEADER];
  if (!payload) return undefined;
  try {
    const found = defaultPayloadConverter.fromPayload<{ traceparent?: unknown; tracestate?: unknown }>(payload);
    const [, traceId, spanId, flags] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(String(found.traceparent)) ?? [];
    if (!traceId || !spanId || !flags) return undefined;
    const state = typeof found.tracestate === 'string' ? { state: found.tracestate } : {};
    return { traceId, spanId, flags: Number.parseInt(flags, 16), ...state };
  } catch {
    return undefined;
  }
}

const headersAt = (headers: Headers, { traceId, spanId, flags, state }: Place): Headers => ({
  ...headers,
  [HEADER]: defaultPayloadConverter.toPayload({
    traceparent: `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`,
    ...(state === undefined ? {} : { tracestate: state }),
  }),
});

/** A run's spans: its own, one for each activity, child and signal that it starts, and one for each message that it handles. */
export const interceptors = (): WorkflowInterceptors => {
  const { exporter } = proxySinks<Exporter>();
  let count = 0;
  const { runId } = workflowInfo();
  let run: Place = { traceId: hex(`trace/${runId}`, 32), spanId: hex(`run/${runId}`, 16), flags: 1 };

  /** Begins a span; what it returns ends it. */
  const begin = (name: string, parent: Place | undefined, at: Place): ((error?: unknown) => void) => {
    const from = Date.now();
    return (error) => {
      if ((at.flags & 1) === 0) return;
      const failed = error !== undefined && !(error instanceof ContinueAsNew);
      const time = (ms: number): [number, number] => [Math.floor(ms / 1000), (ms % 1000) * 1_000_000];
      const [now, message] = [Date.now(), error instanceof Error ? error.message : String(error)];
      exporter.export([
        {
          name,
          kind: 0,
          spanContext: {
            traceId: at.traceId,
            spanId: at.spanId,
            traceFlags: at.flags,
            ...(at.state ? { traceState: at.state } : {}),
          },
          ...(parent ? { parentSpanId: parent.spanId } : {}),
          startTime: time(from),
          endTime: time(now),
          duration: time(now - from),
          status: failed ? { code: ERROR, message } : { code: OK },
          attributes: {},
          links: [],
          events: [],
          ended: true,
          droppedAttributesCount: 0,
          droppedLinksCount: 0,
          droppedEventsCount: 0,
          instrumentationLibrary: { name: 'handoff' },
        },
      ]);
    };
  };
  const within = (parent: Place): Place => ({ ...parent, spanId: hex(`${runId}/${++count}`, 16) });
  /** The same promise as without us, so that nothing comes a turn later. */
  const ending = <P extends Promise<unknown>>(promise: P, end: (error?: unknown) => void): P => {
    promise.then(
      () => end(),
      (error: unknown) => end(error ?? 'failed'),
    );
    return promise;
  };
  const outbound = <I extends { headers: Headers }, P extends Promise<unknown>>(
    name: string,
    input: I,
    next: (input: I) => P,
  ): P => {
    const at = within(run);
    const end = begin(name, run, at);
    return ending(next({ ...input, headers: headersAt(input.headers, at) }), end);
  };
  return {
    inbound: [
      {
        execute(input, next) {
          const parent = placeIn(input.headers);
          if (parent) run = { ...parent, spanId: run.spanId };
          return ending(next(input), begin(`RunWorkflow:${workflowInfo().workflowType}`, parent, run));
        },
        handleUpdate(input, next) {
          const parent = placeIn(input.headers) ?? run;
          return ending(next(input), begin(`HandleUpdate:${input.name}`, parent, within(parent)));
        },
        handleSignal(input, next) {
          const parent = placeIn(input.headers) ?? run;
          return ending(next(input), begin(`HandleSignal:${input.signalName}`, parent, within(parent)));
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => outbound(`StartActivity:${input.activityType}`, input, next),
        scheduleLocalActivity: (input, next) => outbound(`StartActivity:${input.activityType}`, input, next),
        startChildWorkflowExecution: (input, next) => outbound(`StartChildWorkflow:${input.workflowType}`, input, next),
        signalWorkflow: (input, next) => outbound(`SignalWorkflow:${input.signalName}`, input, next),
        continueAsNew: (input, next) => next({ ...input, headers: headersAt(input.headers, run) }),
      },
    ],
  };
};
