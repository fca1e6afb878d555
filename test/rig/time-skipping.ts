import { spawn } from 'node:child_process';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultCacheDir, fillFolder, withLock } from '../../src/temporal/cache.js';
import { findOnPath, isExecutable, run } from '../../src/temporal/executables.js';
import { isListening, pickPort } from '../../src/temporal/ports.js';
import { downloadThroughSdk } from '../../src/temporal/sdk-download.js';

const VERSION = '1.38.0';
const FILE = 'temporal-test-server';
const MAIN = 'io.temporal.testserver.TestServer';
const ARCHIVE = 'classes.jsa';

type Log = (line: string) => void;

/**
 * A time-skipping test server, for `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type:
 * 'existing-path', path } } })`: from our cache, by the Temporal SDK's download, else from Maven with the Java at hand.
 *
 * @param log hears why there is none, and what takes long (5 s with Maven)
 * @returns the path of an executable, or `undefined` where none can be had: tests that need one then count as not run
 */
export async function obtainTimeSkippingServer(
  log: Log = () => {},
  cacheDir = defaultCacheDir(),
): Promise<string | undefined> {
  const folder = join(cacheDir, `temporal-test-server-${VERSION}`);
  const path = join(folder, FILE);
  if (await isExecutable(path)) return path;
  return await withLock(
    `${folder}.lock`,
    async () => {
      if (await isExecutable(path)) return path;
      const done = await fillFolder(
        folder,
        async (stage) => (await download(stage, log)) || (await fromMaven(stage, log)),
      );
      if (!done) return undefined;
      await archiveClasses(folder);
      return path;
    },
    { log },
  );
}

async function download(stage: string, log: Log): Promise<boolean> {
  const result = await downloadThroughSdk('time-skipping', 'default', stage);
  if ('failure' in result) {
    log(`No time-skipping test server by the Temporal SDK's download (${result.failure}); trying Maven`);
    return false;
  }
  await rename(result.path, join(stage, FILE));
  await chmod(join(stage, FILE), 0o755);
  return true;
}

async function fromMaven(stage: string, log: Log): Promise<boolean> {
  const [maven, java] = await Promise.all([findOnPath('mvn'), findOnPath('java')]);
  if (maven === undefined || java === undefined) {
    log(`No time-skipping test server: there is no ${maven === undefined ? 'mvn' : 'java'} on PATH`);
    return false;
  }
  await writeFile(join(stage, 'pom.xml'), pom());
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'];
  const result = await run(maven, ['-B', '-q', ...goal], {
    cwd: stage,
    timeoutMs: 10 * 60_000,
    onWaiting: (seconds) => log(`Maven is still fetching the time-skipping test server (${seconds} s)`),
  });
  if (!result.ok) {
    log(`No time-skipping test server: Maven could not fetch it: ${result.output.split('\n').slice(-5).join('\n')}`);
    return false;
  }
  await writeFile(join(stage, FILE), wrapper(java));
  await chmod(join(stage, FILE), 0o755);
  return true;
}

// slf4j-nop, of the version that the test server brings the API of, keeps it from complaining on each start.
const pom = () => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>handoff</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

// Without `exec` the SDK would kill the shell and leave the server. An archive that does not fit is passed over silently.
const wrapper = (java: string) => `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
exec ${quote(java)} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xlog:disable -Xlog:all=off \\
  "\${HANDOFF_ARCHIVE:--XX:SharedArchiveFile=$here/${ARCHIVE}}" -cp "$here/lib/*" ${MAIN} "$@"
`;

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Records the classes of one start, which halves the next ones. Only a help: if it fails, the server starts without. */
async function archiveClasses(folder: string): Promise<void> {
  const port = await pickPort('127.0.0.1');
  const unfinished = join(folder, `${ARCHIVE}.new`);
  const env = { ...process.env, HANDOFF_ARCHIVE: `-XX:ArchiveClassesAtExit=${unfinished}` };
  const server = spawn(join(folder, FILE), [String(port)], { env, stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()).once('error', () => resolve()));
  const deadline = setTimeout(() => server.kill('SIGKILL'), 30_000);
  while (
    server.exitCode === null &&
    server.signalCode === null &&
    server.pid !== undefined &&
    !(await isListening('127.0.0.1', port))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  server.kill('SIGTERM');
  await exited;
  clearTimeout(deadline);
  await rename(unfinished, join(folder, ARCHIVE)).catch(() => rm(unfinished, { force: true }));
}
