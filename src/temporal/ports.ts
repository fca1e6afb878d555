import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

function listen(ip: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: ip, port, exclusive: true }, () => resolve(server));
  });
}

const close = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));

/** Whether a server could listen on `port` now. */
export async function isPortFree(ip: string, port: number): Promise<boolean> {
  try {
    await close(await listen(ip, port));
    return true;
  } catch {
    return false;
  }
}

/**
 * A port that nobody else is given for the next minute.
 *
 * A connection that the listening side closes first stays in TIME_WAIT, and until that is over Linux hands the port
 * out to nobody who asks for any port; who asks for this one by its number gets it. The SDK's core does the same.
 */
export async function pickPort(ip: string): Promise<number> {
  const server = await listen(ip, 0);
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve, reject) => {
    server.once('connection', (socket) => socket.end());
    const client = connect({ host: ip, port });
    client.once('error', reject);
    // Answering the other side's end only after it came is what leaves TIME_WAIT there and not here.
    client.once('end', () => client.end());
    client.once('close', () => resolve());
    client.resume();
  });
  await close(server);
  return port;
}

/** Whether something accepts connections at `port` now. */
export function isListening(ip: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.setTimeout(1_000, () => finish(false));
  });
}
