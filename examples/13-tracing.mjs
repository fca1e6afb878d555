// A handoff as one trace: its start, its run, each activity, and the undo of what it did. Beside a Temporal server, such as that
// of `handoff dev`: node examples/13-tracing.mjs [DATA_FOLDER]
//
// It prints the spans as a tree when they have all ended. What `@opentelemetry/sdk-trace-node` would bring, a context that
// follows promises, is written out here; docs/tracing.md has it shorter.
import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { HandoffClient, connectClient, createHandoffWorker, openStorage } from 'handoff';

const held = new AsyncLocalStorage();
context.setGlobalContextManager({
  active: () => held.getStore() ?? ROOT_CONTEXT,
  with: (active, run, self, ...args) => held.run(active, () => run.apply(self, args)),
  bind:
    (active, target) =>
    (...args) =>
      held.run(active, () => target(...args)),
  enable() {},
  disable() {},
});
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const resource = new Resource({ 'service.name': 'handoff' });
const exporter = new InMemorySpanExporter();
const spanProcessor = new SimpleSpanProcessor(exporter);
trace.setGlobalTracerProvider(new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] }));
const plugins = [new OpenTelemetryPlugin({ resource, spanProcessor })];

const note = {
  name: 'write_note',
  run: ({ effect }) => effect('note', {}, async () => ({ written: true })),
  undo: async () => {},
};
const refuse = {
  name: 'refuse',
  async run() {
    throw new Error('it will not have it');
  },
};
const procedure = {
  procedure_id: 'TRACED_HANDOFF',
  version: '1.0.0',
  name: 'A handoff that is undone',
  steps: [
    { step_id: 'note', name: 'Note', action: 'write_note' },
    {
      step_id: 'refuse',
      name: 'Refuse',
      action: 'refuse',
      compensation: 'irreversible',
      retry: { maximum_attempts: 1 },
    },
  ],
  rollback_procedures: [{ rollback_id: 'back', name: 'Back', steps: ['note'] }],
};

Runtime.install({ logger: new DefaultLogger('ERROR') });
const taskQueue = 'traced';
const storage = await openStorage({ folder: process.argv[2] ?? '.handoff' });
const worker = await createHandoffWorker({
  taskQueue,
  storage,
  procedures: [procedure],
  actions: [note, refuse],
  worker: { plugins },
});
const running = worker.run();
const { client: temporal, connection } = await connectClient({}, { plugins });
try {
  const client = new HandoffClient({ temporal, storage, taskQueue });
  const { handoffId } = await client.start({ procedure: 'TRACED_HANDOFF', source: { phase: 1 }, target: { phase: 2 } });
  await client.result(handoffId);
} finally {
  worker.shutdown();
  await running;
  await connection.close();
  await storage.close();
}

const spans = exporter.getFinishedSpans();
const idOf = (span) => span.spanContext().spanId;
function print(span, depth) {
  console.log(`${'  '.repeat(depth)}${span.name}${span.status.code === 2 ? ' (failed)' : ''}`);
  for (const child of spans.filter((s) => s.parentSpanId === idOf(span))) print(child, depth + 1);
}
const root = spans.find((s) => s.name === 'StartWorkflow:TRACED_HANDOFF');
print(root, 0);
