import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectClient } from '../../src/temporal/connect.js';
import { run } from '../../src/temporal/executables.js';
import { findServer } from '../../src/temporal/find-server.js';
import { launchServer } from '../../src/temporal/launch-server.js';
import type { LaunchOptions, RunningServer } from '../../src/temporal/launch-server.js';
import { pickPort } from '../../src/temporal/ports.js';
import {
  SEARCH_ATTRIBUTES,
  ensureSearchAttributes,
  missingSearchAttributes,
} from '../../src/temporal/search-attributes.js';

const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

let executable: string;
let folder: string;
const open: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'handoff-server-test-'));
  // A server that the environment names is not ours to kill.
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: '',
    TEMPORAL_PROFILE: '',
    TEMPORAL_CONFIG_FILE: join(folder, 'none.toml'),
  };
  const found = await findServer({ env, log: console.log });
  if (found.kind === 'executable') executable = found.path;
}, 10 * 60_000);
afterEach(async () => {
  for (let close = open.pop(); close !== undefined; close = open.pop()) await close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function launch(options: Partial<LaunchOptions> = {}): Promise<RunningServer> {
  const server = await launchServer({ executable, headless: true, ...options });
  open.push(() => server.kill());
  return server;
}

async function connect(address: string) {
  const connected = await connectClient({ address, namespace: 'default' });
  open.push(() => connected.connection.close());
  return connected;
}

/** Processes that have `text` among their arguments, apart from this one. */
async function processesWith(text: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,stat=,args=', '-ww'], { maxBuffer: 1 << 26 });
  return stdout
    .split('\n')
    .filter((line) => line.includes(text) && !/^\s*\d+ Z/.test(line) && !line.includes('ps -eo'));
}

async function script(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

describe('an embedded server', () => {
  it('keeps what it acknowledged in its file when it is killed by -9 and started again', async () => {
    const dbFile = join(folder, 'made', 'for', 'it', 'temporal.db');
    const first = await launch({ dbFile });
    const { client } = await connect(first.address);
    await client.workflow.start('Nobody', { workflowId: 'survivor', taskQueue: 'no-worker' });
    await first.kill();
    expect((await first.exited).signal).toBe('SIGKILL');
    const again = await connect((await launch({ dbFile })).address);
    expect((await again.client.workflow.getHandle('survivor').describe()).status.name).toBe('RUNNING');
  });

  it('leaves no process behind when it is stopped, and writes its log where it is told', async () => {
    const logFile = join(folder, 'logs', 'server.log');
    const server = await launchServer({ executable, logFile });
    expect((await fetch(server.uiUrl!)).status).toBe(200);
    const port = server.address.split(':').at(-1)!;
    expect(await processesWith(`--port ${port} `)).toHaveLength(1);
    expect(await processesWith(`handoff-watchdog ${server.pid}`)).toHaveLength(1);
    await server.stop();
    await server.stop();
    expect((await server.exited).code).toBe(0);
    expect(await processesWith(`--port ${port} `)).toEqual([]);
    expect(await processesWith(`handoff-watchdog ${server.pid}`)).toEqual([]);
    expect(await readFile(logFile, 'utf8')).toContain('Server:');
  });

  it('launches several at once without a clash', async () => {
    const servers = await Promise.all([launch(), launch(), launch()]);
    expect(new Set(servers.map((server) => server.address)).size).toBe(3);
  });

  it('sets up the search attributes once, at once usable, by flag or by call', async () => {
    const [byFlag, byCall] = await Promise.all([launch({ searchAttributes: SEARCH_ATTRIBUTES }), launch()]);
    expect(await missingSearchAttributes((await connect(byFlag.address)).connection, 'default')).toEqual([]);
    const { connection, client } = await connect(byCall.address);
    const names = Object.keys(SEARCH_ATTRIBUTES);
    expect(await missingSearchAttributes(connection, 'default')).toEqual(names);
    // Two at once, as two workers that start together.
    const both = await Promise.all([
      ensureSearchAttributes(connection, 'default'),
      ensureSearchAttributes(connection, 'default'),
    ]);
    expect(both).toEqual([names, names]);
    expect(await ensureSearchAttributes(connection, 'default')).toEqual([]);
    expect((await client.workflow.count("HandoffStatus = 'running'")).count).toBe(0);
    await expect(ensureSearchAttributes(connection, 'nowhere')).rejects.toMatchObject({
      code: 'SEARCH_ATTRIBUTES_REFUSED',
      message: containing('nowhere'),
    });
  });

  it('says so when a search attribute exists with another type', async () => {
    const { connection } = await connect((await launch({ searchAttributes: { HandoffStep: 'Int' } })).address);
    await expect(ensureSearchAttributes(connection, 'default')).rejects.toMatchObject({
      message: matching(/HandoffStep .* is a Int; handoff needs a Keyword/),
    });
  });
});

describe('a launch that fails', () => {
  it('names the port that is in use', async () => {
    const holder = createServer();
    await new Promise<void>((done) => holder.listen(0, '127.0.0.1', done));
    open.push(() => new Promise((done) => holder.close(done)));
    const { port } = holder.address() as AddressInfo;
    const message = containing(`Port ${port} of 127.0.0.1 is in use`);
    await expect(launchServer({ executable, port })).rejects.toMatchObject({ code: 'PORT_IN_USE', message });
    await expect(launchServer({ executable, uiPort: port })).rejects.toMatchObject({ code: 'PORT_IN_USE', message });
  });

  it('lets one of two have a port that both ask for', async () => {
    const port = await pickPort('127.0.0.1');
    const results = await Promise.allSettled([launch({ port }), launch({ port })]);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'PORT_IN_USE' } }]);
  });

  it('does not take for its own a server that got the port a moment before', async () => {
    const pidFile = join(folder, 'winner.pid');
    const loser = await script(
      'loser',
      `#!/bin/sh\n'${executable}' "$@" >/dev/null 2>&1 &\necho $! > '${pidFile}'\nsleep 0.7\necho bind: address already in use\nexit 1\n`,
    );
    open.push(async () => process.kill(Number(await readFile(pidFile, 'utf8')), 'SIGKILL'));
    await expect(launch({ executable: loser, port: await pickPort('127.0.0.1') })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    });
  });

  it('shows what a program that is no server printed', async () => {
    const failed = (options: Partial<LaunchOptions>) => launch(options).catch((cause: Error) => cause);
    const code = 'TEMPORAL_SERVER_FAILED';
    expect(await failed({ executable: '/no/such/program' })).toMatchObject({
      code,
      message: containing('/no/such/program'),
    });
    const loud = await script('loud', '#!/bin/sh\necho "unknown flag: --ip" >&2\nexit 3\n');
    expect(await failed({ executable: loud })).toMatchObject({
      code,
      message: matching(/code 3.*\n {2}unknown flag: --ip$/),
    });
    const mute = await script('mute', '#!/bin/sh\nsleep 30\n');
    expect(await failed({ executable: mute, startTimeoutMs: 300 })).toMatchObject({
      code,
      message: matching(/within 0.3 s. It printed nothing/),
    });
    expect(await processesWith(mute)).toEqual([]);
  });
});

describe('a parent that is killed by -9', () => {
  /** Compiles our launcher for plain Node and runs it in a process that can be killed. */
  async function parent(keepAlive: boolean): Promise<{ serverPid: number; killParent: () => void }> {
    const out = join(folder, 'out');
    if (!existsSync(out)) {
      await mkdir(out);
      await symlink(resolve('node_modules'), join(out, 'node_modules'));
      await writeFile(join(out, 'package.json'), '{"type":"module"}');
      const flags =
        '--ignoreConfig --rootDir src --target es2022 --module nodenext --skipLibCheck --types node --outDir'.split(
          ' ',
        );
      const compiled = await run(process.execPath, [
        'node_modules/typescript/bin/tsc',
        'src/temporal/launch-server.ts',
        ...flags,
        out,
      ]);
      if (!compiled.ok) throw new Error(compiled.output);
    }
    const code = `import { launchServer } from './temporal/launch-server.js';
      const server = await launchServer({ executable: ${JSON.stringify(executable)}, headless: true, keepAlive: ${keepAlive} });
      console.log(server.pid); setInterval(() => {}, 1000);`;
    await writeFile(join(out, `parent-${keepAlive}.js`), code);
    const child = spawn(process.execPath, [join(out, `parent-${keepAlive}.js`)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const serverPid = Number(await new Promise<Buffer>((done) => child.stdout.once('data', done)));
    return { serverPid, killParent: () => child.kill('SIGKILL') };
  }
  const lives = async (pid: number) =>
    (await processesWith('start-dev')).some((line) => line.trim().startsWith(`${pid} `));

  it('takes the server with it, unless the server is to stay', async () => {
    const [goes, stays] = [await parent(false), await parent(true)];
    open.push(async () => process.kill(stays.serverPid, 'SIGKILL'));
    expect([await lives(goes.serverPid), await lives(stays.serverPid)]).toEqual([true, true]);
    goes.killParent();
    stays.killParent();
    await expect.poll(() => lives(goes.serverPid), { timeout: 8_000, interval: 100 }).toBe(false);
    await expect.poll(() => processesWith(`handoff-watchdog ${goes.serverPid}`), { timeout: 2_000 }).toEqual([]);
    expect(await lives(stays.serverPid)).toBe(true);
  }, 20_000);
});
