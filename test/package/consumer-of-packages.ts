// A user's program of packages, contexts and documents, as the documents that ask for them have it: only the imports are
// others. test/package/tarball.test.ts compiles it against the packed package, and runs it.
import {
  AgentHandoffCoordinator,
  ContextManager,
  ExecutionTrace,
  FileHandoffStorage,
  HandoffManager,
  agentHandoffCoordinator,
  requestFrom,
  type AgentId,
  type CreateHandoffRequest,
  type ExecutionTraceSnapshot,
  type HandoffContext,
  type HandoffInstructions,
  type HandoffPackage,
  type HandoffPriority,
  type HandoffReceiveResult,
  type HandoffRequest,
  type HandoffStatus,
  type HandoffStorage,
  type InboxItem,
  type PackageFilter,
  type PipelineHandoffPackage,
  type PipelinePhase,
  type SharedContext,
  type TraceExportData,
} from 'handoff';

interface ClonePipeline {
  getStatus(session: string): Promise<{ state: string; cloneId: string; currentPhase: PipelinePhase }>;
  pause(session: string): Promise<void>;
  resume(session: string, from: string): Promise<string>;
}

class Wrapper {
  constructor(
    private readonly pipeline: ClonePipeline,
    private readonly handoffManager: HandoffManager,
  ) {}

  async pause(sessionId: string, reason?: string): Promise<PipelineHandoffPackage> {
    const status = await this.pipeline.getStatus(sessionId);
    if (status.state !== 'running') throw new Error('Pipeline is not running');
    await this.pipeline.pause(sessionId);
    return this.handoffManager.createHandoff(sessionId, {
      cloneId: status.cloneId,
      sourcePhase: status.currentPhase,
      targetPhase: status.currentPhase,
      reason: reason || 'user-requested',
    });
  }

  async resume(handoffId: string): Promise<string> {
    const result: HandoffReceiveResult = await this.handoffManager.receiveHandoff(handoffId);
    if (!result.success) throw new Error(`Failed to receive handoff: ${result.error}`);
    return this.pipeline.resume(result.handoff.sessionId, result.resumePoint);
  }
}

class InMemory implements HandoffStorage {
  private readonly all = new Map<string, PipelineHandoffPackage>();
  save(handoff: PipelineHandoffPackage): Promise<void> {
    this.all.set(handoff.id, handoff);
    return Promise.resolve();
  }
  load(id: string): Promise<PipelineHandoffPackage | null> {
    return Promise.resolve(this.all.get(id) ?? null);
  }
  list(filter?: PackageFilter): Promise<PipelineHandoffPackage[]> {
    const fits = (p: PipelineHandoffPackage): boolean => !filter?.sessionId || p.sessionId === filter.sessionId;
    return Promise.resolve([...this.all.values()].filter(fits));
  }
  delete(id: string): Promise<boolean> {
    return Promise.resolve(this.all.delete(id));
  }
}

async function packages(storage: HandoffStorage): Promise<string[]> {
  const contexts = await ContextManager.inMemory();
  const context: SharedContext = await contexts.createContext('s');
  await context.set('style', { indent: 2 }, { source: '@a', tags: ['final'] });
  const pipeline: ClonePipeline = {
    getStatus: () => Promise.resolve({ state: 'running', cloneId: 'c', currentPhase: 'analysis' }),
    pause: () => Promise.resolve(),
    resume: (session, from) => Promise.resolve(`${session} goes on at ${from}`),
  };
  const wrapper = new Wrapper(pipeline, new HandoffManager(contexts, storage));
  const { id } = await wrapper.pause('s');
  const lost = await wrapper.resume('hof-none').catch((error: Error) => error.message);
  return [await wrapper.resume(id), lost];
}

function documents(): string[] {
  const trace = new ExecutionTrace('speckit-generate');
  trace.recordDecision('template', 'standard', 'Using standard spec template');
  trace.recordMetric('artifacts', 7, 'files');
  trace.complete(true);
  const exported: TraceExportData = trace.toJSON();
  const snapshot: ExecutionTraceSnapshot = AgentHandoffCoordinator.createTraceSnapshot(trace);
  const context: HandoffContext = { sessionId: 'session-123', decisions: [{ what: 'Scope', why: 'OAuth2' }] };
  const instructions: HandoffInstructions = { task: 'Review', avoid: ['Suggestions'], deadline: new Date(0) };
  const [target, priority]: [AgentId, HandoffPriority] = ['code-reviewer', 'normal'];
  const asked: CreateHandoffRequest = {
    sourceAgent: 'any-other',
    targetAgent: target,
    context,
    instructions,
    priority,
  };
  const handoff: HandoffPackage = AgentHandoffCoordinator.prepareHandoff({ ...asked, trace });
  const received = AgentHandoffCoordinator.parseHandoff(AgentHandoffCoordinator.toJSON(handoff));
  agentHandoffCoordinator.register(received);
  const request: HandoffRequest = requestFrom(received.toJSON());
  const status: HandoffStatus = agentHandoffCoordinator.listPendingForAgent(target)[0]!.status;
  const title = AgentHandoffCoordinator.toMarkdown(handoff).split('\n')[0]!;
  return [title, status, request.procedure, `${exported.decisions.length} ${snapshot.metrics.length}`];
}

export const urgent = (items: InboxItem[]): InboxItem[] => items.filter((i) => i.priority === 'immediate');

const seen = [await packages(new FileHandoffStorage('.handoffs')), await packages(new InMemory()), documents()];
process.stdout.write(JSON.stringify(seen));
