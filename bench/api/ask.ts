import { Agent, request } from 'node:http';

export type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Asks the service over connections that are kept, as a client of an API does. Throws where the answer is no success. */
export function asker(port: number, key: string): { ask: Ask; close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  const ask: Ask = (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${key}`,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const sent = request(
        { host: '127.0.0.1', port, method, path: `/api/v1/agent-handoff${path}`, agent, headers },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('error', reject);
          answer.on('end', () => {
            const whole = Buffer.concat(parts).toString();
            const status = answer.statusCode ?? 0;
            if (status >= 300) reject(new Error(`${method} ${path} answered ${status}: ${whole.slice(0, 300)}`));
            else resolve(JSON.parse(whole));
          });
        },
      );
      // The service closes what was idle for five seconds, and may do so at the very moment in which it is used again.
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(ask(method, path, body));
        else reject(error);
      });
      sent.end(text);
    });
  return { ask, close: () => agent.destroy() };
}
