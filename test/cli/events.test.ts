import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { receiver, until } from '../events/hearing.js';
import { handoff, haveServer, json, launch, type Running } from './rig.js';

const P = '/api/v1/agent-handoff';
let base: string;
let folder: string;
let dev: Running;
let api: { apiUrl: string; adminKey: string };
const env = { AGENT_HANDOFF_WEBHOOK_ALLOW_PRIVATE: 'true' };
const at = (): string[] => ['--folder', folder];
const AGENTS = ['@code-architect', '@nodejs-specialist'];

beforeAll(async () => {
  await haveServer();
  base = await mkdtemp(path.join(tmpdir(), 'handoff-cli-events-'));
  folder = path.join(base, '.handoff');
  dev = launch(['dev', '--port', '0', '--ui-port', '0', '--api-port', '0', '--json', ...at()], { env });
  await dev.says('}\n');
  api = JSON.parse(dev.stdout()) as typeof api;
  await handoff(['agents', 'add', ...AGENTS, '--no-key', '--heartbeat-seconds', '3600', ...at()]);
  await handoff(['phases', 'set', 'blog', '8', 'completed', ...at()]);
}, 120_000);
afterAll(async () => {
  dev?.child.kill('SIGTERM');
  await dev?.ended;
  await rm(base, { recursive: true, force: true });
});

interface Hook {
  id: string;
  secret: string;
}
/** What the audit log has of webhooks, oldest first. */
const audited = async (): Promise<{ act: string; from?: string; subject: string }[]> => {
  const key = (await readFile(api.adminKey, 'utf8')).trim();
  const log = await fetch(`${api.apiUrl}${P}/audit`, { headers: { authorization: `Bearer ${key}` } });
  const { entries } = (await log.json()) as { entries: { act: string; from?: string; subject: string }[] };
  return entries.filter((e) => e.act.startsWith('webhook.')).toReversed();
};

it(
  'a webhook made on the command line is told by `handoff dev`, signed; the way is on the audit log',
  { timeout: 180_000 },
  async () => {
    let broken = false;
    const to = await receiver(() => (broken ? { status: 410 } : { status: 204 }));
    try {
      const add = ['webhooks', 'add', to.url, '--owner', '@ops', '--type', 'handoff:started', '--json', ...at()];
      const added = await handoff(add, { env });
      expect(added).toMatchObject({ code: 0, stderr: '' });
      const { id, secret } = JSON.parse(added.stdout) as Hook;
      expect(secret).toMatch(/^whsec_/);
      const run = ['run', 'examples/01-phase-transition.json', '--id', 'one', ...at()];
      expect(await handoff(run)).toMatchObject({ code: 0 });
      await until(() => to.got.length === 1, 'it is told', 30_000);
      const { headers, body } = to.got[0]!;
      expect(new Verifier(secret).verify(body, headers as Record<string, string>)).toMatchObject({
        type: 'handoff:started',
        subject: 'handoff/one',
        data: { handoffId: 'one', source: '@code-architect (phase 8)' },
      });
      const [only, ...more] = await json<Record<string, unknown>[]>(['webhooks', 'list', ...at()]);
      expect(more).toEqual([]);
      expect(only).toMatchObject({ id, owner: '@ops', active: true, attempts: 0, types: ['handoff:started'] });
      expect(only).not.toHaveProperty('secret');
      const list = await handoff(['webhooks', 'list', ...at()]);
      expect(list.stdout).toMatch(new RegExp(`${id} +active +\\d+ +http://127`));
      expect(list.stdout).not.toContain(secret.slice(6, 20));
      expect(await json(['webhooks', 'dead', id, ...at()])).toEqual([]);

      // All again after a cursor; then one that wants no more.
      const again = await json(['webhooks', 'replay', id, '--cursor', '0', ...at()]);
      expect(again).toEqual({ webhook: id, letters: 0 });
      await until(() => to.got.length === 2, 'it comes again', 30_000);
      expect(to.got[1]!.headers['webhook-id']).toBe(headers['webhook-id']);
      broken = true;
      await handoff(['webhooks', 'replay', id, '--cursor', '0', ...at()]);
      await until(
        async () => (await json<{ active: boolean }[]>(['webhooks', 'list', ...at()]))[0]?.active === false,
        'off',
        30_000,
      );
      expect((await handoff(['webhooks', 'list', ...at()])).stdout).toMatch(/ off .*410/);
      // It wants them again: what waited is told.
      broken = false;
      const told = to.got.length;
      expect((await handoff(['webhooks', 'enable', id, ...at()])).stdout).toBe(`${id} is on.\n`);
      await until(() => to.got.length > told, 'it goes on', 30_000);
      expect((await handoff(['webhooks', 'list', ...at()])).stdout).toMatch(/ active /);

      expect(await json(['webhooks', 'remove', id, ...at()])).toEqual({ removed: id });
      expect((await handoff(['webhooks', 'list', ...at()])).stdout).toContain('No webhooks.');
      const log = await audited();
      expect(log.map((e) => e.act.replace('webhook.', ''))).toEqual(['create', 'replay', 'replay', 'change', 'remove']);
      expect(log.every((e) => e.from === 'command line' && e.subject === `webhook/${id}`)).toBe(true);
      expect(JSON.stringify(log)).not.toContain(secret.slice(6, 20));
    } finally {
      await to.close();
    }
  },
);

it('events are listed from a cursor, by type, and followed as they come', { timeout: 180_000 }, async () => {
  interface Event {
    cursor: number;
    type: string;
    subject: string;
  }
  const all = await json<Event[]>(['events', ...at()]);
  const of = (id: string, list: Event[]): string[] =>
    list.filter((e) => e.subject === `handoff/${id}`).map((e) => e.type);
  expect(of('one', all)).toEqual(['handoff:started', 'handoff:completed']);
  const last = all.at(-1)!.cursor;
  expect(await json(['events', '--cursor', String(last), ...at()])).toEqual([]);
  expect((await handoff(['events', '--cursor', String(last), ...at()])).stdout).toBe('No events.\n');
  const some = await handoff(['events', '--type', 'handoff:completed', ...at()]);
  expect(some.stdout).toMatch(/^\S+ +completed +handoff\/one\n$/);
  const following = launch(['events', '--follow', '--cursor', '0', '--type', 'handoff:started', '--json', ...at()]);
  await following.says('handoff/one');
  expect(await handoff(['start', 'examples/02-agent-handoff.yaml', '--id', 'two', ...at()])).toMatchObject({ code: 0 });
  await following.says('handoff/two');
  following.child.kill('SIGINT');
  const { stdout } = await following.ended;
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  expect(lines.map((e) => [e.type, e.subject])).toEqual([
    ['handoff:started', 'handoff/one'],
    ['handoff:started', 'handoff/two'],
  ]);
});

it.each<[string, string, 1 | 2]>([
  ['webhooks remove wh_none', 'WEBHOOK_NOT_FOUND', 1],
  ['webhooks dead wh_none', 'WEBHOOK_NOT_FOUND', 1],
  ['webhooks replay wh_none', 'WEBHOOK_NOT_FOUND', 1],
  ['webhooks replay wh_none --letter x', 'USAGE', 2],
  ['webhooks add ftp://a.example.com/ --owner @ops', 'INVALID_WEBHOOK', 2],
  // Only where the service's setting says so.
  ['webhooks add http://127.0.0.1:1/ --owner @ops', 'INVALID_WEBHOOK', 2],
  ['webhooks add https://a.example.com/ --owner @ops --type handoff:nothing', 'INVALID_WEBHOOK', 2],
  ['webhooks add https://a.example.com/', 'USAGE', 2],
  ['events --type handoff:nothing', 'INVALID_INPUT', 2],
  ['events --cursor 99999999', 'INVALID_INPUT', 2],
  ['events --cursor x', 'USAGE', 2],
])('%s: %s, exit code %i', async (line, code, exitCode) => {
  const ended = await handoff([...line.split(' '), ...at()]);
  expect(ended).toMatchObject({ code: exitCode, stdout: '' });
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: \\S`));
});

it('says how each verb is used', async () => {
  for (const verb of [
    'events',
    'webhooks list',
    'webhooks add',
    'webhooks remove',
    'webhooks dead',
    'webhooks replay',
  ]) {
    const { code, stdout } = await handoff([...verb.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`$ handoff ${verb}`);
  }
});
