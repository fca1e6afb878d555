import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createService } from '../../../src/api/service.js';
import { HandoffClient } from '../../../src/client.js';
import { COMPONENT_TYPES, type ReportTerms } from '../../../src/core/report/report.js';
import type { ReportView } from '../../../src/core/report/view.js';
import { DEFAULT_SETTINGS, type ServiceSettings } from '../../../src/core/service/settings.js';
import { AGENTS, Rig } from '../../rig/rig.js';
import { ask, type Answer, type Ask } from './ask.js';

export const PREFIX = '/api/v1/agent-handoff';
export const AUTHOR = AGENTS.target;

/** Who there is, by the roles of their keys. `author` was handed the work that reports are about. */
const PEOPLE = {
  author: [AUTHOR, []],
  other: ['@other', []],
  reviewer: ['@reviewer', ['reviewer']],
  developer: ['@dev', ['developer']],
  lead: ['@lead', ['tech_lead']],
  qa: ['@qa', ['qa_engineer']],
  /** In two roles. */
  both: ['@both', ['developer', 'tech_lead']],
  admin: ['@admin', ['admin']],
} as const satisfies Record<string, readonly [string, readonly string[]]>;
export type Person = keyof typeof PEOPLE;
export const nameOf = (person: Person): string => PEOPLE[person][0];

export const SUMMARY = 'Retries, breakers and their tests are done; the load test ran for an hour without a fault.';
export const DONE = { status: 'completed', progress_percentage: 100 } as const;
export const ALL_DONE = Object.fromEntries(COMPONENT_TYPES.map((type) => [type, DONE]));

/** A service that listens, with a real Temporal server and a worker behind it. */
export class Service {
  private constructor(
    readonly rig: Rig,
    readonly base: string,
    readonly keys: Record<Person, string>,
    readonly task: { pipeline_id: string; task_id: string },
    private readonly stop: () => Promise<unknown>,
  ) {}

  static async open(
    settings: Partial<Omit<ServiceSettings, 'terms'>> = {},
    terms: Partial<ReportTerms> = {},
  ): Promise<Service> {
    const rig = await Rig.create();
    const keys = {} as Record<Person, string>;
    for (const [person, [agent, roles]] of Object.entries(PEOPLE)) {
      if (person !== 'author') await rig.client.agents.add({ name: agent });
      keys[person as Person] = (await rig.storage.keys.create(agent, roles)).secret;
    }
    const all = {
      ...DEFAULT_SETTINGS,
      rateLimitPerMinute: 0,
      ...settings,
      // Most tests decide themselves.
      terms: { ...DEFAULT_SETTINGS.terms, autoApprovalThreshold: undefined, ...terms },
    };
    const { temporal, storage, taskQueue } = rig;
    const client = new HandoffClient({ temporal, storage, taskQueue, reports: all });
    const app = await createService({ client, storage, settings: all });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const task_id = await rig.start('AGENT_HANDOFF_STANDARD', { acceptance: 'auto' });
    await rig.untilStatus(task_id, 'completed');
    const task = { pipeline_id: `s-${task_id}`, task_id };
    return new Service(rig, `http://127.0.0.1:${port}`, keys, task, () => app.close());
  }

  /** Asks as somebody; `path` is below the prefix unless it begins with the prefix itself. */
  async as(person: Person, method: string, path: string, options: Omit<Ask, 'key'> = {}): Promise<Answer> {
    const whole = path.startsWith(PREFIX) ? path : PREFIX + path;
    const answer = await ask(this.base, method, whole, { ...options, key: this.keys[person] });
    // What is begun here is replayed at the end.
    if (answer.status === 201) this.rig.reports.begun.add((answer.json as ReportView).report_id);
    return answer;
  }

  /** A write that must go well: the report as it then is. */
  async write(person: Person, method: string, path: string, body?: unknown, headers = {}): Promise<ReportView> {
    const { status, json, text } = await this.as(person, method, path, { body: body ?? {}, headers });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return json as ReportView;
  }

  get(id: string, person: Person = 'admin'): Promise<ReportView> {
    return this.as(person, 'GET', `/reports/${id}`).then(({ json }) => json as ReportView);
  }

  /** A draft that could be handed in. */
  create(over: object = {}): Promise<ReportView> {
    const report_id = `r-${randomUUID().slice(0, 8)}`;
    const body = { report_id, ...this.task, work_summary: SUMMARY, components: ALL_DONE, ...over };
    return this.write('author', 'POST', '/reports', body);
  }

  /** A report in a status, by the shortest way there. */
  async at(status: 'draft' | 'under_review' | 'approved' | 'rejected' | 'amendments_required'): Promise<ReportView> {
    const { report_id: id } = await this.create();
    if (status === 'draft') return this.get(id);
    await this.write('author', 'POST', `/reports/${id}/submit`);
    await this.until(id, (r) => r.status === 'under_review');
    if (status === 'under_review') return this.get(id);
    return this.write('reviewer', 'POST', `/reports/${id}/review`, {
      review_status: status,
      review_comments: 'As I have seen it on the machine.',
    });
  }

  /** Waits until a report is as it should be. */
  async until(id: string, fits: (report: ReportView) => boolean, ms = 20_000): Promise<ReportView> {
    const end = Date.now() + ms;
    for (;;) {
      const report = await this.get(id);
      if (fits(report)) return report;
      if (Date.now() > end)
        throw new Error(`report ${id} is not as expected after ${ms} ms: ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A file into a report. */
  attach(id: string, name: string, content: string | Buffer, type = 'text/plain', more = ''): Promise<Answer> {
    return this.as('author', 'PUT', `/reports/${id}/attachments?name=${encodeURIComponent(name)}${more}`, {
      raw: content,
      headers: { 'content-type': type },
    });
  }

  async close(): Promise<void> {
    await this.stop();
    await this.rig.close();
  }
}
