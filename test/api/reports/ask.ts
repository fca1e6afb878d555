import { request as send } from 'node:http';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: Buffer;
  text: string;
  /** Of a JSON answer. */
  json: unknown;
}

export interface Ask {
  /** An API key; without one the request has none. */
  key?: string | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Buffer;
  headers?: Record<string, string>;
}

/** Asks over a real socket, with the path exactly as given: `fetch` would tidy it. */
export function ask(
  base: string,
  method: string,
  path: string,
  { key, body, raw, headers }: Ask = {},
): Promise<Answer> {
  const { hostname, port } = new URL(base);
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const request = send({
      hostname,
      port,
      method,
      path,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(payload === undefined || headers?.['transfer-encoding']
          ? {}
          : { 'content-length': Buffer.byteLength(payload) }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString('utf8');
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, bytes, text, json: parsed(headers['content-type'], text) });
      });
    });
    request.end(payload);
  });
}

function parsed(type: string | undefined, text: string): unknown {
  if (!/[/+]json/.test(type ?? '')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // An attachment may say so and not be.
    return undefined;
  }
}
