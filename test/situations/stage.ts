import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { HandoffClient, type RunStatus } from '../../src/client.js';
import { shownStatus } from '../../src/core/handoff.js';
import type { HandoffRequest } from '../../src/core/request.js';
import { openStorage, type Storage } from '../../src/storage/storage.js';
import { connectClient } from '../../src/temporal/connect.js';
import { haveServer, launch, type Running } from '../cli/rig.js';

const SOURCE = '@data-analyst';
const TARGET = '@editor';

/** A `handoff dev` of its own, and a service that starts handoffs on it. */
export class Stage {
  private constructor(
    readonly folder: string,
    readonly uiUrl: string,
    readonly client: HandoffClient,
    private readonly dev: Running,
    private readonly connection: Connection,
    private readonly storage: Storage,
  ) {}

  static async open(): Promise<Stage> {
    await haveServer();
    const folder = path.join(mkdtempSync(path.join(tmpdir(), 'handoff-situations-')), '.handoff');
    const where = ['--folder', folder, '--port', '0', '--ui-port', '0'];
    const dev = launch(['dev', '--json', '--module', 'test/situations/parts.mjs', ...where]);
    await dev.says('"uiUrl"');
    const { address, uiUrl } = JSON.parse(dev.stdout()) as { address: string; uiUrl: string };
    const { client: temporal, connection } = await connectClient({ address });
    const storage = await openStorage({ folder });
    const client = new HandoffClient({ temporal, storage });
    await client.agents.add({ name: SOURCE, heartbeatSeconds: 86_400 });
    await client.agents.add({ name: TARGET, heartbeatSeconds: 86_400, capacity: 100 });
    return new Stage(folder, uiUrl, client, dev, connection, storage);
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.storage.close();
    this.dev.child.kill('SIGTERM');
    await this.dev.ended;
    rmSync(path.dirname(this.folder), { recursive: true, force: true });
  }

  /** Starts a report's handoff; `render` says how its rendering goes (see parts.mjs). */
  async start(id: string, procedure: string, render: object = {}, over: Partial<HandoffRequest> = {}): Promise<void> {
    await this.client.start({
      handoffId: id,
      procedure,
      source: { agent: SOURCE },
      target: { agent: TARGET },
      session: id,
      context: { figures: { rows: 120 } },
      metadata: { render },
      ...over,
    });
  }

  /** Waits until a handoff fits; fails with its words after half a minute. */
  async until(id: string, fits: (s: RunStatus) => boolean): Promise<RunStatus> {
    for (const end = Date.now() + 30_000; ;) {
      const status = await this.client.status(id);
      if (fits(status)) return status;
      if (Date.now() > end) throw new Error(`${id} is not as expected: ${status.words ?? status.status}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  untilShown(id: string, shown: string): Promise<RunStatus> {
    return this.until(id, (s) => (s.state ? shownStatus(s.state) : s.status) === shown);
  }

  /** Whether a report lies where its reader would look for it. */
  hasReport(id: string): boolean {
    return existsSync(path.join(this.folder, 'reports', `${id}.txt`));
  }

  async figures(id: string): Promise<unknown> {
    const entry = (await this.client.sessions.context(id)).find((e) => e.key === 'figures');
    return entry && JSON.parse(entry.value);
  }
}
