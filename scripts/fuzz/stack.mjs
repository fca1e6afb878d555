// A whole stack of its own in a folder: embedded Temporal server, worker, service; on loopback alone.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const PREFIX = '/api/v1/agent-handoff';

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts it, and answers once it is ready. */
export async function startStack(bin, folder, source) {
  const [port, uiPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const ports = ['--port', port, '--ui-port', uiPort, '--api-port', apiPort].map(String);
  const child = spawn(process.execPath, [bin, 'dev', '--json', '--folder', folder, '--source', source, ...ports], {
    cwd: source,
    env: {
      ...process.env,
      // Thousands of requests of one key in a minute are what this is about.
      AGENT_HANDOFF_RATE_LIMIT_PER_MINUTE: '0',
      // hooks.py sends every webhook to loopback.
      AGENT_HANDOFF_WEBHOOK_ALLOW_PRIVATE: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let log = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (log += chunk));
  const alive = () => child.exitCode === null && child.signalCode === null;
  const stop = async () => {
    for (const [signal, seconds] of [
      ['SIGINT', 30],
      ['SIGINT', 10],
      ['SIGKILL', 10],
    ]) {
      if (!alive()) return;
      child.kill(signal);
      for (let i = 0; i < seconds * 10 && alive(); i++) await sleep(100);
    }
  };
  try {
    for (const end = Date.now() + 300_000; !out.includes('\n'); await sleep(100)) {
      if (!alive() || Date.now() > end) throw new Error(`handoff dev did not start:\n${log.slice(-2000)}`);
    }
    const { apiUrl, adminKey } = JSON.parse(out);
    const ask = asker(`${apiUrl}${PREFIX}`);
    for (const end = Date.now() + 60_000; ; await sleep(200)) {
      const { status } = await ask('GET', '/health/ready').catch(() => ({}));
      if (status === 200) break;
      if (!alive() || Date.now() > end) throw new Error(`the service is not ready:\n${log.slice(-2000)}`);
    }
    const verify = () =>
      spawnSync(process.execPath, [bin, 'audit', 'verify', '--folder', folder], { encoding: 'utf8', timeout: 120_000 });
    const admin = readFileSync(path.resolve(source, adminKey), 'utf8').trim();
    return { apiUrl, admin, ask, alive, log: () => log, stop, verify };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Asks for a path below `base`; a body is sent as JSON. */
const asker =
  (base) =>
  async (method, at, { key, body, raw, headers } = {}) => {
    const response = await fetch(base + at, {
      method,
      headers: {
        ...(key ? { authorization: `Bearer ${key}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined && raw === undefined ? {} : { body: raw ?? JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, json: isJson && text ? JSON.parse(text) : undefined, text };
  };
