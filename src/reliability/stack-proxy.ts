import { createServer, connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { ProxyControl } from './stack.js';

const IP = '127.0.0.1';

interface Pair {
  near: Socket;
  far: Socket;
}

/** A TCP proxy before `address` (`host:port`), whose connections can be cut, slowed and silenced. */
export async function startProxy(address: string): Promise<ProxyControl> {
  const at = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, at).replace(/^\[|\]$/g, ''), Number(address.slice(at + 1))];
  const pairs = new Set<Pair>();
  let delayMs = 0;
  let isSilent = false;
  let struck = 0;

  const cut = (): number => {
    const open = pairs.size;
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
    pairs.clear();
    return open;
  };

  /** What `from` says goes on to `to`, in its order: what was delayed first, also after the delay has ended. */
  const pass = (from: Socket, to: Socket): void => {
    const waiting: { due: number; say: () => void }[] = [];
    const pump = (): void => {
      while (waiting[0] && waiting[0].due <= Date.now()) waiting.shift()!.say();
      if (waiting[0]) setTimeout(pump, waiting[0].due - Date.now());
    };
    const inTurn = (delay: number, say: () => void): void => {
      if (delay === 0 && waiting.length === 0) return say();
      waiting.push({ due: Date.now() + delay, say });
      if (waiting.length === 1) setTimeout(pump, delay);
    };
    from.on('data', (chunk: Buffer) => {
      if (isSilent) return void struck++;
      if (delayMs > 0) struck++;
      inTurn(delayMs, () => {
        if (!to.destroyed && !to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
    from.on('end', () => inTurn(0, () => to.end()));
  };

  const server = createServer({ allowHalfOpen: true }, (near) => {
    const pair = { near, far: connect({ host, port, allowHalfOpen: true }) };
    pairs.add(pair);
    for (const socket of [pair.near, pair.far]) {
      socket.setNoDelay(true);
      // A server that is down resets what comes: so does the proxy.
      socket.on('error', () => {
        near.resetAndDestroy();
        pair.far.resetAndDestroy();
      });
      socket.on('close', () => {
        pairs.delete(pair);
        near.destroy();
        pair.far.destroy();
      });
    }
    pass(pair.near, pair.far);
    pass(pair.far, pair.near);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: IP, port: 0 }, resolve);
  });
  return {
    address: `${IP}:${(server.address() as AddressInfo).port}`,
    open: () => pairs.size,
    cut,
    slow: (ms) => void (delayMs = ms),
    silent: (on) => {
      if (isSilent && !on) cut();
      isSilent = on;
    },
    struck: () => struck,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
