import type { AddressInfo } from 'node:net';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';
import type { NewEvent } from '../../src/core/events/event.js';
import { appendEvents } from '../../src/storage/events/outbox.js';
import type { Storage } from '../../src/storage/storage.js';
import { P } from '../api/rig.js';

/** Writes events for an audience, as the change that they tell of would. */
export async function told(storage: Storage, audience: string[], from: number, count = 1, more = {}): Promise<void> {
  const events = Array.from({ length: count }, (_, i): NewEvent => {
    const n = from + i;
    return { type: 'handoff:paused', subject: `handoff/h-${n}`, key: `k-${n}`, audience, data: { n, ...more }, at: n };
  });
  await storage.db.transaction().execute((trx) => appendEvents(trx, events));
}

export interface Heard {
  type: string;
  cursor: number;
  subject?: string;
  data?: { n?: number };
}

/** A listener over a real WebSocket. */
export class Ear {
  readonly heard: Heard[] = [];
  closed: { code: number; reason: string } | undefined;
  private constructor(readonly socket: WebSocket) {
    socket.on('message', (raw: Buffer) => this.heard.push(JSON.parse(raw.toString()) as Heard));
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
    socket.on('error', () => {});
  }

  /** The status where it is refused. */
  static async open(
    url: string,
    query: string,
    options: ClientOptions & { key?: string; protocols?: string[] } = {},
  ): Promise<Ear | number> {
    const { key, protocols = [], ...rest } = options;
    const headers = { ...(key ? { authorization: `Bearer ${key}` } : {}), ...rest.headers };
    const ear = new Ear(
      new WebSocket(`${url.replace('http', 'ws')}${P}/events/ws${query}`, protocols, { ...rest, headers }),
    );
    return new Promise((resolve, reject) => {
      ear.socket.once('open', () => resolve(ear));
      ear.socket.once('unexpected-response', (_, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      ear.socket.once('error', reject);
    });
  }

  /** The events, without what only says how far it is. */
  get events(): Heard[] {
    return this.heard.filter((h) => h.type !== 'cursor');
  }
  get numbers(): (number | undefined)[] {
    return this.events.map((e) => e.data?.n);
  }
}

export const ear = async (...args: Parameters<typeof Ear.open>): Promise<Ear> => {
  const opened = await Ear.open(...args);
  if (typeof opened === 'number') throw new Error(`refused with ${opened}`);
  return opened;
};

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string, ms = 15_000): Promise<void> {
  for (const end = Date.now() + ms; !(await isSo());) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export interface Got {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Something that takes webhooks: `answer` says what it answers. */
export async function receiver(
  answer: (
    n: number,
    got: Got,
  ) => { status: number; headers?: Record<string, string>; body?: string } | undefined = () => ({
    status: 204,
  }),
): Promise<{ url: string; got: Got[]; close: () => Promise<void> }> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const one = { headers: request.headers, body };
      got.push(one);
      const say = answer(got.length, one);
      // Without an answer it is left to wait.
      if (say) response.writeHead(say.status, say.headers).end(say.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    got,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
