import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { handoff, haveServer, json, launch, type Running } from './rig.js';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const P = '/api/v1/agent-handoff';

interface Dev {
  apiUrl: string;
  adminKey: string;
}
let base: string;
let folder: string;
let dev: Running;
let info: Dev;
const at = (): string[] => ['--folder', folder];
const ask = async (url: string, key?: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(url, key ? { headers: { authorization: `Bearer ${key}` } } : {});
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const started = async <T>(running: Running): Promise<T> => {
  await running.says('}\n');
  return JSON.parse(running.stdout()) as T;
};

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-serve-'));
  folder = path.join(base, '.handoff');
  dev = launch(['dev', '--port', '0', '--ui-port', '0', '--api-port', '0', '--json', ...at()]);
  info = await started<Dev>(dev);
}, 120_000);
afterAll(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(base, { recursive: true, force: true });
});

it('dev has the service, and a key to log in with that only its owner can read', async () => {
  expect(info.apiUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(statSync(info.adminKey).mode & 0o777).toBe(0o600);
  const key = readFileSync(info.adminKey, 'utf8').trim();
  expect(await ask(`${info.apiUrl}${P}/session`, key)).toMatchObject({ status: 200, body: { agent: '@admin' } });
  expect((await ask(`${info.apiUrl}${P}/health/ready`)).status).toBe(200);
  expect(dev.stdout() + dev.stderr()).not.toContain(key);
});

it('agents add makes a key once; keys are listed, added, and end', { timeout: 120_000 }, async () => {
  const [lead] = await json<{ apiKey: string; keyId: string }[]>([
    'agents',
    'add',
    '@lead',
    '--role',
    'tech_lead',
    ...at(),
  ]);
  expect(lead!.apiKey).toMatch(/^hk_/);
  const session = await ask(`${info.apiUrl}${P}/session`, lead!.apiKey);
  expect(session.body).toMatchObject({ agent: '@lead', roles: ['tech_lead', 'agent'] });
  const again = await handoff(['agents', 'add', '@lead', '--role', 'guru', ...at()]);
  expect(again.stdout).toContain('No rights come from guru');
  expect(again.stdout).not.toContain('hk_');
  const [none] = await json<{ apiKey?: string }[]>(['agents', 'add', '@keyless', '--no-key', ...at()]);
  expect(none).not.toHaveProperty('apiKey');
  const added = await json<{ apiKey: string; expiresAt: number }>([
    'agents',
    'keys',
    'add',
    '@keyless',
    '--role',
    'reviewer',
    '--expires-days',
    '2',
    ...at(),
  ]);
  expect(added.expiresAt / 86_400_000 - Date.now() / 86_400_000).toBeCloseTo(2, 1);
  const listed = await handoff(['agents', 'keys', 'list', ...at()]);
  expect(listed.stdout).toMatch(new RegExp(`${lead!.keyId} +@lead +good +\\S.* tech_lead`));
  expect(listed.stdout).not.toContain(lead!.apiKey.slice(-43));
  expect(await handoff(['agents', 'keys', 'revoke', lead!.keyId, ...at()])).toMatchObject({ code: 0 });
  expect((await ask(`${info.apiUrl}${P}/session`, lead!.apiKey)).status).toBe(401);
  const twice = await json<{ error: object }>(['agents', 'keys', 'revoke', lead!.keyId, ...at()]);
  expect(twice.error).toMatchObject({ code: 'KEY_NOT_FOUND' });
  const wrong = await handoff(['agents', 'keys', 'add', '@keyless', '--role', 'guru', ...at()]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('No rights come from guru') as unknown });
});

it('serve is the service alone, and ends when it is asked to', { timeout: 120_000 }, async () => {
  const serve = launch(['serve', '--port', '0', '--json', ...at()]);
  const { url } = await started<{ url: string }>(serve);
  const key = readFileSync(info.adminKey, 'utf8').trim();
  expect((await ask(`${url}${P}/health/ready`)).body).toMatchObject({ status: 'ok' });
  expect((await ask(`${url}${P}/session`, key)).status).toBe(200);
  const metrics = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  expect(await metrics.text()).toContain('handoff_up 1');
  serve.child.kill('SIGTERM');
  expect(await serve.ended).toMatchObject({ code: 0 });
});

it('settings are shown, and refused all at once, before anything is done', async () => {
  const env = { AGENT_HANDOFF_PORT: '9999', AGENT_HANDOFF_REQUIRED_SIGN_OFFS: 'architect' };
  const shown = await handoff(['config', '--json'], { env });
  const all = JSON.parse(shown.stdout) as { name: string; value: string; source: string }[];
  expect(all.filter((s) => s.source === 'environment').map((s) => `${s.name}=${s.value}`)).toEqual([
    'AGENT_HANDOFF_PORT=9999',
    'AGENT_HANDOFF_REQUIRED_SIGN_OFFS=architect',
  ]);
  const wrong = { AGENT_HANDOFF_PROT: '1', AGENT_HANDOFF_PORT: 'x' };
  for (const verb of [['config'], ['serve', ...at()], ['dev', '--folder', path.join(base, 'no')]]) {
    const { code, stderr } = await handoff(verb, { env: wrong });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /AGENT_HANDOFF_PROT: is no setting; did you mean .*AGENT_HANDOFF_PORT: expected/,
      ) as unknown,
    });
  }
});

it('the package itself loads nothing of the service', async () => {
  const log = path.join(base, 'loaded.txt');
  const hook = pathToFileURL(path.join(ROOT, 'test', 'cli', 'loaded.mjs')).href;
  const index = pathToFileURL(path.join(ROOT, 'dist', 'index.js')).href;
  const args = ['--import', hook, '--input-type=module', '-e', `await import(${JSON.stringify(index)})`];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, LOADED_LOG: log } });
  const loaded = (await readFile(log, 'utf8')).trim().split('\n');
  expect(loaded.some((url) => url.endsWith('/dist/client.js'))).toBe(true);
  expect(loaded.filter((url) => /node_modules\/(@?fastify|preact)|dist\/api\//.test(url))).toEqual([]);
});
