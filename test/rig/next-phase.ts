import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Client } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { finishSignal, heardQuery, type nextPhase, type receiver } from './next-phase-workflows.js';

/** One call that the HTTP server has got. */
export interface Call {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Whom a handoff triggers: workflows on a task queue of their own, and an HTTP server. It counts what it gets. */
export class NextPhase {
  /** Children that began, by workflow id, with their arguments: one entry each time. */
  readonly begun: [id: string, args: unknown[]][] = [];
  readonly calls: Call[] = [];
  /** Statuses of the next answers; then 204. */
  answers: number[] = [];

  private constructor(
    readonly taskQueue: string,
    private readonly temporal: Client,
    private readonly connection: NativeConnection,
    private readonly worker: Worker,
    private readonly running: Promise<void>,
    private readonly server: Server,
  ) {}

  static async create(temporal: Client, address: string): Promise<NextPhase> {
    const connection = await NativeConnection.connect({ address });
    const taskQueue = `next-${randomUUID()}`;
    const activities = {
      begun: (id: string, args: unknown[]): Promise<void> => {
        next.begun.push([id, args]);
        return Promise.resolve();
      },
    };
    const workflowsPath = path.join(import.meta.dirname, 'next-phase-workflows.ts');
    const worker = await Worker.create({ connection, taskQueue, workflowsPath, activities });
    const server = createServer((request, response) => {
      const answer = async (): Promise<void> => {
        next.calls.push({ headers: request.headers, body: await text(request) });
        const status = next.answers.shift() ?? 204;
        response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end();
      };
      void answer();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const next: NextPhase = new NextPhase(taskQueue, temporal, connection, worker, worker.run(), server);
    return next;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  /** A workflow that waits for signals. */
  async receiver(): Promise<string> {
    const workflowId = `receiver-${randomUUID().slice(0, 8)}`;
    await this.temporal.workflow.start<typeof receiver>('receiver', { workflowId, taskQueue: this.taskQueue });
    return workflowId;
  }

  /** What a receiver or a child has heard so far. */
  heard(workflowId: string): Promise<unknown[][]> {
    return this.temporal.workflow.getHandle(workflowId).query(heardQuery);
  }

  async finish(workflowId: string): Promise<unknown> {
    const handle = this.temporal.workflow.getHandle<typeof nextPhase>(workflowId);
    await handle.signal(finishSignal);
    return handle.result();
  }

  status(workflowId: string): Promise<string> {
    return this.temporal.workflow
      .getHandle(workflowId)
      .describe()
      .then(
        (d) => d.status.name,
        () => 'none',
      );
  }

  /** Waits until `fits`; fails after 20 s. */
  async until(what: string, fits: () => boolean | Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 20_000; !(await fits());) {
      if (Date.now() > end) throw new Error(`after 20 s still not: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    this.worker.shutdown();
    await this.running;
    await this.connection.close();
  }
}
