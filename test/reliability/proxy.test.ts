import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startProxy } from '../../src/reliability/stack-proxy.js';
import type { ProxyControl } from '../../src/reliability/stack.js';

/** Says back what it hears. */
let echo: Server;
let proxy: ProxyControl;
const open: Socket[] = [];

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  proxy = await startProxy(`127.0.0.1:${(echo.address() as AddressInfo).port}`);
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function dial(): Promise<{ socket: Socket; heard: () => string; ended: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port: Number(proxy.address.split(':')[1]) });
  open.push(socket);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  const ended = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.once('end', () => resolve('end'));
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, heard: () => heard, ended };
}

test('what is said passes whole and in order, both ways, and so does the end', async () => {
  const { socket, heard, ended } = await dial();
  const said = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('');
  socket.end(said);
  expect(await ended).toBe('end');
  expect(heard()).toBe(said);
  expect(proxy.struck()).toBe(0);
});

test('a cut resets what is open, and counts it; a new connection goes through', async () => {
  const { socket, heard, ended } = await dial();
  socket.write('hello');
  await expect.poll(heard).toBe('hello');
  expect(proxy.open()).toBe(1);
  expect(proxy.cut()).toBe(1);
  expect(await ended).toBe('ECONNRESET');
  expect(proxy.open()).toBe(0);
  const again = await dial();
  again.socket.write('back');
  await expect.poll(again.heard).toBe('back');
});

test('what is slow comes late and in order, also when it is fast again', async () => {
  const { socket, heard } = await dial();
  socket.write('a');
  await expect.poll(heard).toBe('a');
  proxy.slow(150);
  const began = performance.now();
  socket.write('b');
  await expect.poll(() => proxy.struck()).toBeGreaterThan(0);
  proxy.slow(0);
  socket.write('c');
  await expect.poll(heard).toBe('abc');
  expect(performance.now() - began).toBeGreaterThan(140);
});

test('what is half-open swallows without a word, and is reset in the end', async () => {
  const { socket, heard, ended } = await dial();
  socket.write('a');
  await expect.poll(heard).toBe('a');
  proxy.silent(true);
  socket.write('b');
  await expect.poll(() => proxy.struck()).toBe(1);
  expect(heard()).toBe('a');
  expect(proxy.open()).toBe(1);
  proxy.silent(false);
  expect(await ended).toBe('ECONNRESET');
});

test('a server that is down resets what comes through the proxy', async () => {
  await new Promise((resolve) => echo.close(resolve));
  const { ended } = await dial();
  expect(await ended).toBe('ECONNRESET');
});
