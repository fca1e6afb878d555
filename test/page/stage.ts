import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import fastify from 'fastify';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import type { Action } from '../../src/activities/action.js';
import { createService, handoffApi } from '../../src/api/service.js';
import { HandoffClient } from '../../src/client.js';
import { COMPONENT_TYPES, type ReportTerms } from '../../src/core/report/report.js';
import type { ReportView } from '../../src/core/report/view.js';
import type { Procedure } from '../../src/core/procedure.js';
import { DEFAULT_SETTINGS } from '../../src/core/service/settings.js';
import { AGENTS, Rig } from '../rig/rig.js';

const ARGS = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'].concat([
  'disable-component-update',
  'disable-sync',
]);

/** Who there is, with the roles of their keys. */
export const PEOPLE = {
  author: [AGENTS.source, []],
  target: [AGENTS.target, []],
  reviewer: ['@reviewer', ['reviewer']],
  lead: ['@lead', ['tech_lead']],
  qa: ['@qa', ['qa_engineer']],
  operator: ['@operator', ['admin']],
} as const satisfies Record<string, readonly [string, readonly string[]]>;
export type Person = keyof typeof PEOPLE;

const TERMS: Partial<ReportTerms> = {
  autoApprovalThreshold: undefined,
  requiredSignOffs: ['tech_lead', 'qa_engineer'],
};

const SUMMARY = 'Retries and breakers are done; the load test ran for an hour without a single fault.';
const DONE = { status: 'completed', progress_percentage: 100 } as const;

/** What a print server that answers 503 is told by: broken until a test mends it. */
export class Printer {
  broken = true;
  readonly action: Action = {
    name: 'print',
    run: (context) => {
      if (this.broken) throw new Error('the print server answers 503');
      return context.effect('print', {}, () => Promise.resolve({ pages: 12 }));
    },
    undo: () => Promise.resolve(),
  };
  readonly procedure: Procedure = {
    procedure_id: 'PRINT',
    version: '1.0.0',
    name: 'Print the report',
    on_failure: 'hold',
    steps: [
      { step_id: 'print_the_report', name: 'Print the Report', action: 'print', retry: { maximum_attempts: 1 } },
      { step_id: 'confirm', name: 'Ask the Receiver', action: 'confirm' },
    ],
    rollback_procedures: [{ rollback_id: 'discard', name: 'Discard', steps: ['print_the_report'] }],
  };
}

export interface Service {
  base: string;
  port: number;
  stop: () => Promise<unknown>;
}

/** A service that listens, with a real server and worker behind it, and a browser to look at its page. */
export class Stage {
  private constructor(
    readonly rig: Rig,
    readonly base: string,
    /** One more service over the same storage and worker, below a prefix in an application of a user's own if one is given. */
    readonly serve: (where?: { prefix?: string; port?: number }) => Promise<Service>,
    readonly browser: Browser,
    readonly printer: Printer,
    readonly keys: Record<Person, string>,
    readonly task: { pipeline_id: string; task_id: string },
    private readonly stop: () => Promise<unknown>,
  ) {}

  static async open(executablePath: string): Promise<Stage> {
    const printer = new Printer();
    const rig = await Rig.create({ actions: [printer.action] });
    await rig.client.addProcedure(printer.procedure);
    const keys = {} as Record<Person, string>;
    for (const [person, [agent, roles]] of Object.entries(PEOPLE)) {
      if (!(await rig.storage.agents.find(agent))) await rig.client.agents.add({ name: agent });
      keys[person as Person] = (await rig.storage.keys.create(agent, roles)).secret;
    }
    const settings = { ...DEFAULT_SETTINGS, rateLimitPerMinute: 0, terms: { ...DEFAULT_SETTINGS.terms, ...TERMS } };
    const { temporal, storage, taskQueue } = rig;
    const client = new HandoffClient({ temporal, storage, taskQueue, reports: settings });
    const deps = { client, storage, settings, temporalUi: 'http://127.0.0.1:1/namespaces/default' };
    const serve = async ({ prefix = '', port = 0 } = {}): Promise<Service> => {
      const app = prefix ? fastify() : await createService(deps);
      if (prefix) await app.register(handoffApi, { prefix, ...deps });
      await app.listen({ host: '127.0.0.1', port });
      const at = (app.server.address() as AddressInfo).port;
      return { base: `http://127.0.0.1:${at}${prefix}`, port: at, stop: () => app.close() };
    };
    const { base, stop: stopService } = await serve();
    const browser = await chromium.launch({ executablePath, args: ARGS.map((a) => `--${a}`) });
    const task_id = await rig.start('AGENT_HANDOFF_STANDARD', { acceptance: 'auto' });
    await rig.untilStatus(task_id, 'completed');
    const stop = async (): Promise<void> => {
      await browser.close();
      await stopService();
    };
    return new Stage(rig, base, serve, browser, printer, keys, { task_id, pipeline_id: `s-${task_id}` }, stop);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.rig.close();
  }

  /** What somebody does elsewhere, by the API. */
  async call<T = ReportView>(person: Person, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.base}/api/v1/agent-handoff${path}`, {
      method,
      headers: { authorization: `Bearer ${this.keys[person]}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** A report of the author's that could be handed in; a test's next try has another. */
  async draft(name: string, over: object = {}): Promise<string> {
    const id = `${name}-${randomUUID().slice(0, 4)}`;
    const components = Object.fromEntries(COMPONENT_TYPES.map((type) => [type, DONE]));
    const body = { report_id: id, ...this.task, work_summary: SUMMARY, components, ...over };
    await this.call('author', 'POST', '/reports', body);
    this.rig.reports.begun.add(id);
    return id;
  }

  /** One that waits for a reviewer. */
  async underReview(name: string, over: object = {}): Promise<string> {
    const id = await this.draft(name, over);
    await this.call('author', 'POST', `/reports/${id}/submit`, {});
    for (const end = Date.now() + 20_000; ;) {
      const { status } = await this.call('author', 'GET', `/reports/${id}`);
      if (status === 'under_review') return id;
      if (Date.now() > end) throw new Error(`report ${id} is ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** With a folder in HANDOFF_SCREENSHOTS (`npm run screenshots`): keeps what is seen. */
  async picture(page: Page, name: string): Promise<void> {
    const folder = process.env['HANDOFF_SCREENSHOTS'];
    if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`) });
  }

  /** A window of its own, with what its console complained of; nobody is signed in. */
  async visit(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
    const context = await this.browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error.stack)));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    // That a request was refused is the page's to show, and in the console of every browser.
    page.on('console', (line) => {
      const refused = /Failed to load resource: the server responded with a status of 4\d\d/.test(line.text());
      if (['error', 'warning'].includes(line.type()) && !refused) complaints.push(line.text());
    });
    return { page, complaints };
  }

  /** A window in which somebody is signed in, on a page; `base` where it is of another service. */
  async as(
    person: Person,
    hash = '#/',
    { base = this.base, ...options }: BrowserContextOptions & { base?: string } = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const visit = await this.visit(options);
    await visit.page.goto(`${base}/${hash}`);
    await visit.page.getByLabel('API key').fill(this.keys[person]);
    await visit.page.getByRole('button', { name: 'Sign in' }).click();
    await visit.page.getByRole('button', { name: 'Sign out' }).waitFor();
    return visit;
  }
}
