import type { AddressInfo } from 'node:net';
import type { Api, ApiDeps } from '../../src/api/deps.js';
import type { Problem } from '../../src/api/errors.js';
import { createService } from '../../src/api/service.js';
import { DEFAULT_SETTINGS, type ServiceSettings } from '../../src/core/service/settings.js';
import { Rig, type RigOptions } from '../rig/rig.js';

export const P = '/api/v1/agent-handoff';

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
  text: string;
}

export interface Ask {
  /** A key's secret; absent: none. */
  key?: string;
  /** An object is sent as JSON, a text as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** A rig with the service listening on it, and what asks it over real HTTP. */
export class ApiRig {
  private constructor(
    readonly rig: Rig,
    readonly url: string,
    readonly logged: string[],
    /** The service that runs now. */
    public app: Api,
    private readonly listen: (port: number) => Promise<Api>,
  ) {}

  static async create(
    settings: Partial<ServiceSettings> = {},
    options: RigOptions = {},
    more: Partial<ApiDeps> = {},
  ): Promise<ApiRig> {
    const rig = await Rig.create(options);
    const logged: string[] = [];
    const { client, storage } = rig;
    const all = { ...DEFAULT_SETTINGS, rateLimitPerMinute: 0, ...settings };
    const listen = async (at: number): Promise<Api> => {
      const app = await createService({ client, storage, settings: all, log: (line) => logged.push(line), ...more });
      await app.listen({ host: '127.0.0.1', port: at });
      return app;
    };
    const app = await listen(0);
    const { port } = app.server.address() as AddressInfo;
    return new ApiRig(rig, `http://127.0.0.1:${port}`, logged, app, listen);
  }

  /** A key of an agent, which is registered if it has to be. */
  async key(agent: string, ...roles: string[]): Promise<string> {
    if (!(await this.rig.storage.agents.find(agent))) await this.rig.client.agents.add({ name: agent, roles });
    return (await this.rig.storage.keys.create(agent, roles)).secret;
  }

  /** Asks for a path; one that begins with `/` is taken as it is, any other is below {@link P}. */
  async ask<T = Problem & Record<string, unknown>>(method: string, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const { key, body, headers } = ask;
    const text = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${this.url}${path.startsWith('/') ? path : `${P}/${path}`}`, {
      method,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: text ? (body as string) : JSON.stringify(body) }),
      redirect: 'manual',
    });
    const answered = await response.text();
    const json =
      answered && response.headers.get('content-type')?.includes('json')
        ? (JSON.parse(answered) as T)
        : (undefined as T);
    return { status: response.status, headers: response.headers, body: json, text: answered };
  }

  /** Closes the service alone. */
  async stop(): Promise<void> {
    await this.app.close();
  }

  /** Ends the service, and starts another at the same address. */
  async restart(): Promise<void> {
    await this.app.close();
    this.app = await this.listen(Number(new URL(this.url).port));
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.rig.close();
  }
}
