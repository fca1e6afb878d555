import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { HandoffClient } from '../../src/client.js';
import type { Stack } from '../../src/reliability/stack.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { connectClient } from '../../src/temporal/connect.js';

const PROCEDURES = ['PHASE_TRANSITION_STANDARD', 'AGENT_HANDOFF_STANDARD'] as const;
const WITHIN_MS = 120_000;
const EACH_MS = 500;

/** Handoffs that run on a stack, one after another, while faults strike it; the agents accept by themselves. */
export class Traffic {
  private readonly handoffs: Promise<string>[] = [];

  private constructor(
    private readonly stack: Stack,
    readonly client: HandoffClient,
    private readonly storage: Storage,
    private readonly connection: Connection,
  ) {}

  static async on(stack: Stack): Promise<Traffic> {
    const storage = await openStorage(stack.storage);
    const { client: temporal, connection } = await connectClient({
      address: stack.address,
      namespace: stack.namespace,
    });
    const client = new HandoffClient({ temporal, storage, taskQueue: stack.taskQueue });
    await client.agents.add({ name: '@code-architect', heartbeatSeconds: 86_400 });
    await client.agents.add({ name: '@nodejs-specialist', heartbeatSeconds: 86_400, capacity: 100_000 });
    await writeFile(path.join(stack.storage.sources[0]!, 'architecture.json'), '{"modules":["users"]}');
    return new Traffic(stack, client, storage, connection);
  }

  /** Starts some of each standard procedure. */
  start(each: number): void {
    for (let i = 0; i < each; i++) for (const procedure of PROCEDURES) this.handoffs.push(this.run(procedure));
  }

  /** Starts some, again and again, while work goes on. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.start(1);
    const timer = setInterval(() => this.start(1), EACH_MS);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.start(1);
    }
  }

  /** What became of all that were started, sorted. */
  async outcomes(): Promise<string[]> {
    return (await Promise.all(this.handoffs.splice(0))).toSorted();
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.storage.close();
  }

  private async run(procedure: (typeof PROCEDURES)[number]): Promise<string> {
    const id = `h-${randomUUID().slice(0, 8)}`;
    const session = `s-${id}`;
    const end = Date.now() + WITHIN_MS;
    /** Whatever is down comes back: a call is safe to repeat. */
    const insist = async <T>(call: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (Date.now() > end) throw error;
          await sleep(200);
        }
      }
    };
    await insist(() => this.client.sessions.setPhase(session, 8, 'completed', 'test'));
    await insist(() =>
      this.client.start({
        handoffId: id,
        procedure,
        session,
        source: { agent: '@code-architect', phase: 8 },
        target: { agent: '@nodejs-specialist', phase: `p-${id}` },
        artifacts: [{ name: 'architecture.json', path: 'architecture.json' }],
        context: { architecture: { modules: ['users'] } },
      }),
    );
    const ended = ['completed', 'rejected', 'expired', 'cancelled', 'failed'];
    const by = '@nodejs-specialist';
    for (;;) {
      const { status, words, state } = await insist(() => this.client.status(id));
      if (ended.includes(status)) return status;
      // An answer that was lost is seen in the state.
      if (status === 'awaiting_acceptance' && this.stack.agents.mayAnswer())
        await this.client.accept(id, { by }).catch(() => undefined);
      else if (status === 'accepted' && state)
        await this.client.complete(id, { by, epoch: state.acceptance.epoch }).catch(() => undefined);
      if (Date.now() > end) return `stuck: ${words ?? status}`;
      await sleep(100);
    }
  }
}
