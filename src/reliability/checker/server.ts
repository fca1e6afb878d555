import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExpectedHandoff } from '../../core/reliability/expected.js';
import type { IterationOutcome } from '../../core/reliability/report.js';
import { emptyBook, note, type Line, type Look } from './book.js';
import { openJournal } from './journal.js';
import { judge } from './judge.js';
import { lookAt, watchPlaces } from './places.js';

/** The largest body that is read, bytes. */
const BODY_LIMIT = 16 * 1024 * 1024;

interface Answer {
  status: number;
  body?: unknown;
}

const sha256 = (content: Buffer | string): string => createHash('sha256').update(content).digest('hex');

/**
 * The receiver of effects, on loopback, and what is asked of it: `POST /expect`, `POST /ended`, `GET /report` for the
 * test, `PUT` and `DELETE /effects/<key>` for deliveries and their undo. Nothing is answered before its line is synced to
 * `<folder>/checker.jsonl`; opened again on the same folder, it goes on from there, on the same port where that is free.
 */
export async function serveChecker(folder: string, root: string): Promise<void> {
  const journal = await openJournal<Line>(path.join(folder, 'checker.jsonl'));
  const received = path.join(folder, 'received');
  mkdirSync(received, { recursive: true });
  const book = emptyBook();
  for (const line of journal.lines) note(book, line);

  // In the book at once, so that what comes meanwhile is judged by it; answered when it is on the disk.
  const write = (line: Line): Promise<void> => {
    note(book, line);
    return journal.append(line);
  };
  const places = watchPlaces((file, look) => void write({ t: 'file', path: file, look }));
  for (const { of, outcome } of book.handoffs.values()) {
    for (const { path: file } of outcome === undefined ? of.files : []) {
      // It may have changed while nobody looked.
      void write({ t: 'file', path: file, look: lookAt(file).look });
      places.follow(file);
    }
  }
  const fileOf = (key: string): string => path.join(received, sha256(key));
  const kept = (key: string): string | undefined => {
    try {
      return sha256(readFileSync(fileOf(key)));
    } catch {
      return undefined;
    }
  };

  async function expect(told: ExpectedHandoff): Promise<Answer> {
    const of = fromRoot(root, told);
    if (book.handoffs.has(of.handoff)) return { status: 409, body: `${of.handoff} is expected already` };
    const before: Record<string, Look> = {};
    for (const { path: file } of of.files) {
      const said = of.before?.find((b) => b.path === file);
      const { look } = lookAt(file);
      before[file] = !said
        ? look
        : said.sha256 === null
          ? null
          : { id: look?.id ?? '', sha256: said.sha256, mode: said.mode ?? look?.mode ?? 0o644 };
      places.follow(file);
    }
    await write({ t: 'expect', of, before });
    return { status: 201 };
  }

  async function ended(handoff: string, outcome: IterationOutcome): Promise<Answer> {
    const entry = book.handoffs.get(handoff);
    if (!entry) return { status: 404, body: `nobody expects ${handoff}` };
    const was = entry.outcome;
    if (was === undefined) for (const { path: file } of entry.of.files) places.leave(file);
    // An incident may end otherwise, once a person has repaired it.
    if (was !== outcome) await write({ t: 'ended', handoff, outcome });
    return { status: 200 };
  }

  async function put(key: string, said: { handoff: string; call: string; content: string }): Promise<Answer> {
    const { handoff, call, content } = said;
    const known = book.keys.get(key)?.stands;
    const line: Line = { t: 'put', key, handoff, call, sha256: sha256(content) };
    const synced = write(line);
    if (!known) writeFileSync(fileOf(key), content);
    await synced;
    return { status: known ? 200 : 201 };
  }

  async function undo(key: string): Promise<Answer> {
    const stood = book.keys.get(key)?.stands;
    const synced = write({ t: 'undo', key });
    rmSync(fileOf(key), { force: true });
    await synced;
    return { status: stood ? 200 : 204 };
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { url = '/', method = '' } = request;
    const { pathname } = new URL(url, 'http://loopback');
    const key = /^\/effects\/(.+)$/.exec(pathname)?.[1];
    switch (`${method} ${key === undefined ? pathname : 'key'}`) {
      case 'POST /expect':
        return expect(await bodyOf(request));
      case 'POST /ended': {
        const { handoff, outcome } = await bodyOf<{ handoff: string; outcome: IterationOutcome }>(request);
        return ended(handoff, outcome);
      }
      case 'GET /report':
        return { status: 200, body: judge(book, { at: (file) => lookAt(file).look, kept }) };
      case 'PUT key':
        return put(decodeURIComponent(key!), await bodyOf(request));
      case 'DELETE key':
        return undo(decodeURIComponent(key!));
      default:
        return { status: 404, body: `there is no ${method} ${pathname}` };
    }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (a) => send(response, a),
      (error: Error) => send(response, { status: 400, body: error.message }),
    );
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
  // Deliveries that are tried again know the address from before.
  if (book.port === undefined) await listen(0);
  else await listen(book.port).catch(() => listen(0));
  const { port } = server.address() as AddressInfo;
  await write({ t: 'port', port });
  process.send?.({ url: `http://127.0.0.1:${port}` });
}

/** Paths may be told from the root. */
const fromRoot = (root: string, of: ExpectedHandoff): ExpectedHandoff => ({
  ...of,
  files: of.files.map((f) => ({ ...f, path: path.resolve(root, f.path) })),
  ...(of.before ? { before: of.before.map((b) => ({ ...b, path: path.resolve(root, b.path) })) } : {}),
});

async function bodyOf<T>(request: IncomingMessage): Promise<T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error(`the body is larger than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
