// OpenTelemetry as a user sets it up, for a test and for the worker in another process. What `@opentelemetry/sdk-trace-node`
// brings is written out: a context that follows promises.
import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';

/** A plugin for clients and workers of this process; each span that ends is given to `take`. */
export function tracing(take) {
  const held = new AsyncLocalStorage();
  context.setGlobalContextManager({
    active: () => held.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, self, ...args) => held.run(active, () => fn.apply(self, args)),
    bind: (active, target) =>
      typeof target === 'function' ? (...args) => held.run(active, () => target(...args)) : target,
    enable() {},
    disable() {},
  });
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const exporter = {
    export(spans, done) {
      for (const span of spans) {
        const { traceId, spanId } = span.spanContext();
        const { name, parentSpanId: parent, status, attributes } = span;
        take({
          name,
          traceId,
          spanId,
          parent,
          error: status.code === 2,
          attributes: { ...attributes },
          pid: process.pid,
        });
      }
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
  const resource = new Resource({ 'service.name': 'handoff' });
  const spanProcessor = new SimpleSpanProcessor(exporter);
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  trace.setGlobalTracerProvider(provider);
  return new OpenTelemetryPlugin({ resource, spanProcessor });
}
