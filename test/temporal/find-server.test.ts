import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultCacheDir, fillFolder, withLock } from '../../src/temporal/cache.js';
import { configuredAddress, connectClient, connectOptions } from '../../src/temporal/connect.js';
import { run } from '../../src/temporal/executables.js';
import { findServer } from '../../src/temporal/find-server.js';
import { cachedServerPath } from '../../src/temporal/install-server.js';

const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

let folder: string;
let env: NodeJS.ProcessEnv;
let cacheDir: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'handoff-find-'));
  cacheDir = join(folder, 'cache');
  env = { HOME: folder, PATH: join(folder, 'bin') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(path: string, script = ''): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

async function profiles(text: string): Promise<void> {
  env.TEMPORAL_CONFIG_FILE = join(folder, 'temporal.toml');
  await writeFile(env.TEMPORAL_CONFIG_FILE, text);
}

describe('the order of the ways to a server', () => {
  it('takes the first way there is, as they go away one by one', async () => {
    await profiles('[profile.default]\naddress = "toml:7233"\n');
    env.TEMPORAL_ADDRESS = 'env:7233';
    const option = await program(join(folder, 'option'));
    env.HANDOFF_TEMPORAL_PATH = await program(join(folder, 'variable'));
    const onPath = await program(join(folder, 'bin', 'temporal'));
    const cached = await program(cachedServerPath(cacheDir));
    const find = (more = {}) => findServer({ env, cacheDir, allowInstall: false, ...more });

    expect(await find({ address: 'option:7233', path: option })).toMatchObject({
      kind: 'address',
      address: 'option:7233',
    });
    expect(await find({ path: option })).toEqual({ kind: 'address', address: 'env:7233', how: 'TEMPORAL_ADDRESS' });
    env.TEMPORAL_ADDRESS = '';
    expect(await find({ path: option })).toMatchObject({
      address: 'toml:7233',
      how: containing('"default"'),
    });
    await profiles('[profile.default]\nnamespace = "no address here"\n');
    expect(await find({ path: option })).toMatchObject({ kind: 'executable', path: option });
    expect(await find()).toMatchObject({ path: env.HANDOFF_TEMPORAL_PATH, how: 'HANDOFF_TEMPORAL_PATH' });
    delete env.HANDOFF_TEMPORAL_PATH;
    expect(await find()).toEqual({ kind: 'executable', path: onPath, how: 'on PATH' });
    await rm(onPath);
    expect(await find()).toEqual({ kind: 'executable', path: cached, how: 'our cache' });
    await rm(cached);
    await expect(find()).rejects.toMatchObject({ code: 'TEMPORAL_SERVER_NOT_FOUND' });
  });

  it('does not go on from a path that was asked for and cannot be run', async () => {
    await program(join(folder, 'bin', 'temporal'));
    await writeFile(join(folder, 'plain'), '');
    for (const path of [join(folder, 'missing'), join(folder, 'plain'), folder]) {
      await expect(findServer({ env, cacheDir, path })).rejects.toMatchObject({
        code: 'TEMPORAL_SERVER_NOT_FOUND',
        message: containing(path),
      });
    }
  });

  it('passes over a folder and a plain file called temporal on PATH', async () => {
    await mkdir(join(folder, 'a', 'temporal'), { recursive: true });
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'b', 'temporal'), '');
    const right = await program(join(folder, 'c', 'temporal'));
    env.PATH = ['', 'a', 'b', 'c'].map((name) => name && join(folder, name)).join(':');
    expect(await findServer({ env, cacheDir })).toMatchObject({ path: right });
  });

  it('lists the ways when none is left, and says why each installation failed', async () => {
    // A proxy that refuses stands for a machine without internet.
    env.HTTPS_PROXY = 'http://127.0.0.1:1';
    const heard: string[] = [];
    const find = () =>
      findServer({ env, cacheDir, log: (line) => heard.push(line) }).catch(
        (cause: Error) => cause as Error & { code: string },
      );

    const withoutGo = (await find()) as Error;
    expect(withoutGo).toMatchObject({ code: 'TEMPORAL_SERVER_INSTALL_FAILED' });
    for (const part of [
      'download failed',
      'no go on PATH',
      'TEMPORAL_ADDRESS',
      'HANDOFF_TEMPORAL_PATH',
      'on PATH',
      'internet',
      'go install',
    ]) {
      expect(withoutGo.message).toContain(part);
    }
    await program(join(folder, 'bin', 'go'), 'echo go1.24.9');
    expect((await find()) as Error).toMatchObject({
      message: containing('is go1.24.9; building needs Go 1.25'),
    });
    await program(join(folder, 'bin', 'go'), '[ "$1" = env ] && echo go1.25.0 || { echo no room left; exit 1; }');
    expect((await find()) as Error).toMatchObject({ message: containing('no room left') });
    expect(heard).toContainEqual(containing('about 3 minutes'));
  });

  it('keeps what go built, unless it does not run', async () => {
    env.HTTPS_PROXY = 'http://127.0.0.1:1';
    const go = (script: string) =>
      program(
        join(folder, 'bin', 'go'),
        `[ "$1" = env ] && { echo go1.25.0; exit; }\nprintf '#!/bin/sh\\n${script}' > "$GOBIN/temporal"; /bin/chmod +x "$GOBIN/temporal"`,
      );
    await go('exit 3');
    await expect(findServer({ env, cacheDir })).rejects.toMatchObject({
      message: containing('does not run'),
    });
    await go('exit 0');
    const path = cachedServerPath(cacheDir);
    expect(await findServer({ env, cacheDir })).toEqual({ kind: 'executable', path, how: 'built with go1.25.0' });
    await rm(join(folder, 'bin'), { recursive: true });
    expect(await findServer({ env, cacheDir })).toEqual({ kind: 'executable', path, how: 'our cache' });
  });
});

describe('the Temporal configuration', () => {
  it('gives the address, namespace, TLS and API key of the profile', async () => {
    await profiles('[profile.prod]\naddress = "prod:7233"\nnamespace = "orders"\napi_key = "key"\n');
    const options = connectOptions({ env, profile: 'prod' });
    expect(options).toMatchObject({
      connection: { address: 'prod:7233', apiKey: 'key', tls: true },
      namespace: 'orders',
    });
    expect(connectOptions({ env, profile: 'prod', address: 'other:1', namespace: 'n' })).toMatchObject({
      connection: { address: 'other:1' },
      namespace: 'n',
    });
    expect(connectOptions({ env })).toMatchObject({ connection: { address: '127.0.0.1:7233' }, namespace: 'default' });
  });

  it('says what is wrong with a file that is damaged or lacks the profile; an empty one says nothing', async () => {
    await profiles('[profile');
    expect(() => configuredAddress({ env })).toThrow(/TEMPORAL_CONFIG_FILE/);
    await profiles('');
    expect(configuredAddress({ env })).toBeUndefined();
    await profiles('[profile.default]\n');
    expect(() => configuredAddress({ env: { ...env, TEMPORAL_PROFILE: 'prod' } })).toThrow(/prod/);
  });

  it('names the address that does not answer, and how to set another', async () => {
    const error = await connectClient({ address: '127.0.0.1:1', timeoutMs: 300, env }).catch((cause: Error) => cause);
    expect(error).toMatchObject({
      code: 'TEMPORAL_UNREACHABLE',
      message: matching(/127\.0\.0\.1:1 could not be reached.*TEMPORAL_ADDRESS/s),
    });
  });
});

describe('the cache', () => {
  it('lies where XDG says, and ignores a relative place', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/handoff');
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'x' })).toMatch(/\/\.cache\/handoff$/);
  });

  it('lets one at a time through a lock, and a killed process hold none', async () => {
    const lock = join(cacheDir, 'a.lock');
    const holder = `new (require('libsql'))(${JSON.stringify(lock)}).exec('BEGIN EXCLUSIVE'); process.kill(process.pid, 'SIGKILL')`;
    await mkdir(cacheDir);
    expect((await run(process.execPath, ['-e', holder])).ok).toBe(false);
    const seen: string[] = [];
    const visit = (name: string) =>
      withLock(lock, async () => {
        seen.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(`${name} out`);
      });
    await Promise.all([visit('a'), visit('b'), visit('c')]);
    for (let i = 0; i < seen.length; i += 2) expect(seen[i + 1]).toBe(seen[i]?.replace('in', 'out'));
  });

  it('gives up a lock that stays taken', async () => {
    const lock = join(cacheDir, 'b.lock');
    await withLock(lock, () =>
      expect(withLock(lock, async () => {}, { waitMs: 150 })).rejects.toMatchObject({
        code: 'TEMPORAL_SERVER_INSTALL_FAILED',
      }),
    );
  });

  it('fills a folder whole or not at all, and clears away what a killed call left', async () => {
    const target = join(cacheDir, 'thing');
    await mkdir(join(cacheDir, '.stage-thing-old'), { recursive: true });
    const fill = (stage: string) =>
      writeFile(join(stage, 'file'), 'x').then(() => {
        throw new Error('half-way');
      });
    await expect(fillFolder(target, fill)).rejects.toThrow('half-way');
    expect((await run('/bin/ls', ['-A', cacheDir])).output).toBe('');
    await fillFolder(target, async (stage) => {
      await writeFile(join(stage, 'file'), 'x');
      return true;
    });
    expect((await run('/bin/ls', ['-A', cacheDir])).output).toBe('thing');
  });
});
