import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { HandoffError } from '../core/errors.js';
import { withLock } from '../temporal/cache.js';
import { readSettings } from '../core/service/settings-schema.js';
import { configuredAddress, connectClient, type ConnectOverrides } from '../temporal/connect.js';
import type { Storage } from '../storage/storage.js';
import { findServer } from '../temporal/find-server.js';
import { launchServer } from '../temporal/launch-server.js';
import { SEARCH_ATTRIBUTES } from '../temporal/search-attributes.js';
import { adminKeyFile } from './admin-key.js';
import { readDevInfo, removeDevInfo, writeDevInfo, type DevInfo } from './dev-info.js';
import { choosePort, untilServerGone } from './embedded.js';
import type { Answer, Io } from './io.js';
import { Stopped, withLifetime, type Lifetime } from './lifetime.js';
import { loadParts, type Parts } from './load-parts.js';
import type { PartsOptions } from './parts-options.js';
import { localEnv, storageAt, type PlaceOptions } from './place.js';
import { API_PORT, PORT, UI_PORT } from './ports.js';
import { metricsFor } from './metrics/worker.js';
import type { MetricsOptions } from './metrics/options.js';
import { startWorker } from './run-worker.js';
import { installRuntime, openLog } from './runtime.js';
import { runService } from './serve.js';

export interface DevOptions extends PartsOptions, PlaceOptions, MetricsOptions {
  port?: number;
  uiPort?: number;
  api: boolean;
  apiPort?: number;
}

/** `handoff dev`: server, worker and data in one folder, until it is asked to stop. */
export async function dev(options: DevOptions, io: Io): Promise<Answer> {
  const parts = await loadParts(options);
  if (options.api) readSettings(process.env);
  mkdirSync(options.folder, { recursive: true });
  // Two paths to one folder are one folder.
  const folder = realpathSync(options.folder);
  const onStop = (): void => io.note('Stopping: work in flight ends first. Ctrl-C again leaves at once.');
  await locked(folder, () => withLifetime((life) => live(life, io, { ...options, folder }, parts), { onStop }));
  if (!io.json) io.say(`Stopped. Everything is kept; start it again: handoff dev${folderOption(folder)}`);
  return { json: undefined, text: '' };
}

/** One `dev` a folder. The lock is the operating system's, so that a killed one holds nothing. Throws ALREADY_RUNNING. */
async function locked(folder: string, work: () => Promise<void>): Promise<void> {
  let entered = false;
  const enter = (): Promise<void> => {
    entered = true;
    return work();
  };
  try {
    await withLock(path.join(folder, 'dev.lock'), enter, { waitMs: 0 });
  } catch (error) {
    if (entered || (error as { code?: unknown }).code !== 'TEMPORAL_SERVER_INSTALL_FAILED') throw error;
    throw new HandoffError('ALREADY_RUNNING', { folder, pid: readDevInfo(folder)?.pid ?? 'unknown' }, { cause: error });
  }
}

async function live(life: Lifetime, io: Io, options: DevOptions, parts: Parts): Promise<void> {
  const { folder, taskQueue } = options;
  life.atEnd(() => removeDevInfo(folder));
  writeDevInfo(folder, { pid: process.pid });
  const dbFile = path.join(folder, 'temporal.db');
  const goesOn = existsSync(dbFile);
  try {
    await life.until(untilServerGone(dbFile, io.note));
    const found = await life.until(findServer({ env: localEnv(), log: io.note }));
    if (found.kind === 'address') throw new HandoffError('INTERNAL', { why: 'dev was given an address' });
    const ports = {
      port: await choosePort(options.port, PORT, '--port'),
      uiPort: await choosePort(options.uiPort, UI_PORT, '--ui-port'),
    };
    if (options.port === undefined && ports.port !== PORT)
      io.note(`Port ${PORT} is taken; Temporal listens on ${ports.port}.`);
    if (options.uiPort === undefined && ports.uiPort !== UI_PORT)
      io.note(`Port ${UI_PORT} is taken; the Web UI is on ${ports.uiPort}.`);
    const launching = launchServer({
      executable: found.path,
      dbFile,
      logFile: path.join(folder, 'server.log'),
      searchAttributes: SEARCH_ATTRIBUTES,
      ...ports,
    });
    life.atEnd(async () => (await launching.catch(() => undefined))?.stop());
    const server = await life.until(launching);
    const log = openLog(path.join(folder, 'worker.log'));
    life.atEnd(log.close);
    installRuntime(log.write, { stacks: true, metricsPort: options.sdkMetricsPort });
    const storage = await storageAt(options);
    life.atEnd(() => storage.close());
    const connect = { address: server.address, env: localEnv() };
    const worker = await startWorker(life, { connect, storage, taskQueue, parts });
    const metrics = await metricsFor(life, options, { storage, connect });
    const api = options.api
      ? await serviceFor(life, options, { storage, connect, uiUrl: server.uiUrl, log: log.write, note: io.note })
      : undefined;
    const info: DevInfo = { pid: process.pid, address: server.address, uiUrl: server.uiUrl, apiUrl: api?.url };
    writeDevInfo(folder, info);
    greet(io, info, { folder, goesOn, how: found.how, metrics, adminKey: api?.adminKey });
    const serverGone = server.exited.then(({ code, signal }) => {
      if (life.signal.aborted) return;
      const why = `it ended by itself (${signal ?? `code ${code ?? '?'}`}); its last words are in ${folder}/server.log`;
      throw new HandoffError('TEMPORAL_SERVER_FAILED', { why });
    });
    serverGone.catch(() => {});
    await life.until(Promise.race([worker.ended, serverGone]));
  } catch (error) {
    // To be stopped is how it ends.
    if (!(error instanceof Stopped)) throw error;
  }
}

/** How far from the usual port another one is looked for. */
const PORTS_TRIED = 100;

interface ApiPlace {
  storage: Storage;
  connect: ConnectOverrides;
  uiUrl: string | undefined;
  log: (line: string) => void;
  note: (line: string) => void;
}

/** The HTTP API and its page, with a key to log in with. */
async function serviceFor(
  life: Lifetime,
  { apiPort, taskQueue }: DevOptions,
  { storage, connect, uiUrl, log, note }: ApiPlace,
): Promise<{ url: string; adminKey: string }> {
  const settings = readSettings(process.env);
  const asked = apiPort ?? (settings.port === API_PORT ? undefined : settings.port);
  const { client: temporal, connection, namespace } = await connectClient(connect);
  life.atEnd(() => connection.close());
  const temporalUi = uiUrl && `${uiUrl}/namespaces/${namespace}`;
  const adminKey = await adminKeyFile(storage);
  const run = { temporal, storage, taskQueue, temporalUi, log };
  for (let first = API_PORT; ;) {
    const port = await choosePort(asked, first, '--api-port');
    try {
      const url = await runService(life, { ...run, settings: { ...settings, port } });
      if (asked === undefined && port !== API_PORT) note(`Port ${API_PORT} is taken; the page is on ${port}.`);
      return { url, adminKey };
    } catch (error) {
      // Another one that starts right now was quicker.
      const taken = error instanceof HandoffError && error.code === 'PORT_IN_USE';
      if (!taken || asked !== undefined || port > API_PORT + PORTS_TRIED) throw error;
      first = port + 1;
    }
  }
}

/** The list of what waits for a person, in the Web UI. */
const waitingLink = (uiUrl: string): string =>
  `${uiUrl}/namespaces/default/workflows?query=${encodeURIComponent('HandoffReasonBlocked IS NOT NULL AND ExecutionStatus = "Running"')}`;

interface Greeting {
  folder: string;
  goesOn: boolean;
  how: string;
  metrics?: string | undefined;
  adminKey?: string | undefined;
}

/** The shorter way to name it from here. */
function shownFolder(folder: string): string {
  const relative = path.relative('.', folder) || '.';
  return relative.length < folder.length ? relative : folder;
}

/** What a verb typed here needs to find the folder: nothing where it is the usual one. */
const folderOption = (folder: string): string =>
  path.basename(folder) === '.handoff' && path.dirname(folder) === process.cwd()
    ? ''
    : ` --folder ${shownFolder(folder)}`;

function greet(io: Io, info: DevInfo, { folder, goesOn, how, metrics, adminKey }: Greeting): void {
  if (io.json) return void process.stdout.write(`${JSON.stringify({ ...info, folder, goesOn, metrics, adminKey })}\n`);
  const configured = configuredAddress();
  const { bold, dim, yellow } = io.paint;
  const shown = shownFolder(folder);
  const where = folderOption(folder);
  // Only `run` asks the server.
  const address = configured && info.address ? ` --address ${info.address}` : '';
  const lines = [
    `${bold('handoff dev')} is ready${goesOn ? ' and goes on where it was' : ''}.`,
    `  Web UI    ${info.uiUrl ?? 'none'}`,
    ...(info.uiUrl ? [`  Waiting   ${waitingLink(info.uiUrl)}`] : []),
    `  Temporal  ${info.address ?? ''} (server: ${how})`,
    `  Data      ${folder} (logs: worker.log, server.log)`,
    ...(metrics ? [`  Metrics   ${metrics}`] : []),
    ...(info.apiUrl ? [`  Page, API ${info.apiUrl} (log in with the key in ${path.join(shown, 'admin.key')})`] : []),
    ...(configured
      ? [
          '',
          yellow(
            `Other verbs will go to ${configured.address} (${configured.how}); use --address ${info.address ?? ''}.`,
          ),
        ]
      : []),
    '',
    'Try it from another terminal here:',
    `  npx handoff agents add @code-architect @nodejs-specialist${where}`,
    `  npx handoff phases set blog 8 completed${where}`,
    `  npx handoff run examples/01-phase-transition.json${where}${address}`,
    dim('Ctrl-C stops it; work in flight ends first.'),
  ];
  io.say(lines.join('\n'));
}
