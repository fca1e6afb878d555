import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PhaseHandler } from '../../activities/pipeline/phase.js';
import { HandoffClient } from '../../client.js';
import { workflowIdOf } from '../../core/ids.js';
import type { HandoffRequest } from '../../core/request.js';
import { openStorage } from '../../storage/storage.js';
import { connectClient, type ConnectOverrides } from '../../temporal/connect.js';
import { findServer } from '../../temporal/find-server.js';
import { launchServer } from '../../temporal/launch-server.js';
import { SEARCH_ATTRIBUTES } from '../../temporal/search-attributes.js';
import { demoPhases, pausedPipeline } from './pipeline-scene.js';
import { REPORT_AGENTS, signedOffReport } from './report-scene.js';
import { AGENTS, SCENES as HANDOFFS } from './scenes.js';
import type { Stage } from './scene.js';
import { allIsWell, checksText, summaryText, type Played } from './summary.js';
import { DEFAULT_SETTINGS } from '../../core/service/settings.js';
import { issueKey } from '../../storage/audit/keys.js';
import { adminKeyFile } from '../admin-key.js';
import { writeDevInfo } from '../dev-info.js';
import { choosePort } from '../embedded.js';
import { API_PORT } from '../ports.js';
import { runService } from '../serve.js';
import { readDocument } from '../input.js';
import type { Answer, Io } from '../io.js';
import { Stopped, withLifetime, type Lifetime } from '../lifetime.js';
import { localEnv, uiLink } from '../place.js';
import { startWorker } from '../run-worker.js';
import { installRuntime, openLog } from '../runtime.js';
import { took } from '../text/text.js';

/** The package, whether this runs from src/ or dist/: its examples are what the demo plays. */
const PACKAGE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** `handoff demo`: plays the scenes, checks each, and clears everything away. */
export async function demo(keep: boolean, io: Io): Promise<Answer> {
  const onStop = (): void => io.note('Stopping, and clearing away…');
  try {
    return await withLifetime((life) => play(life, io, keep), { onStop });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    const message = 'stopped before the end';
    return { json: { ok: false, stopped: true }, text: io.json ? '' : message, exitCode: 1 };
  }
}

async function play(life: Lifetime, io: Io, keep: boolean): Promise<Answer> {
  const since = Date.now();
  io.say(
    `${io.paint.bold('handoff demo')}: ${HANDOFFS.length} handoffs, a pipeline and a report on a real Temporal server\n`,
  );
  const folder = await mkdtemp(path.join(tmpdir(), 'handoff-demo-'));
  const clear = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', clear);
  life.atEnd(clear);
  const server = await startServer(life, io, folder);
  const { phases, go } = demoPhases();
  const { stage, page, adminKey } = await setStage(life, io, folder, server, phases);
  const scenes = [...HANDOFFS, pausedPipeline(go), signedOffReport];
  const ui = server.uiUrl === undefined ? undefined : `${server.uiUrl}/namespaces/default`;

  const played: Played[] = [];
  for (const [i, scene] of scenes.entries()) {
    io.say(`\n${io.paint.bold(`${i + 1}  ${scene.title}`)}\n   ${io.paint.dim(scene.about)}`);
    const told = await scene.play(stage);
    const link = ui === undefined ? {} : { link: uiLink(ui, told.workflowId ?? workflowIdOf(told.handoffId)) };
    const { handoffId, procedure, outcome, happened, checks } = told;
    played.push({ handoffId, procedure, outcome, happened, checks, ...link });
    io.say(checksText(io.paint, told));
  }

  const ok = allIsWell(played, scenes.length);
  const time = took(Date.now() - since);
  const { green, red } = io.paint;
  const verdict = ok ? green(`All went as told, in ${time}.`) : red(`Not all went as told (${time}); see ✗ above.`);
  io.say(`\n${summaryText(io.paint, played)}\n\n${verdict}`);
  const urls = { address: server.address, ui, page, adminKey };
  if (keep) await stayUp(life, io, folder, urls);
  else
    io.say(
      `All of it was on a web page, at ${page}. It ends now, with the server. To look around: npm run demo -- --keep`,
    );
  return { json: { ok, ms: Date.now() - since, handoffs: played }, text: '', exitCode: ok ? 0 : 1 };
}

interface Server {
  address: string;
  uiUrl?: string;
  connect: ConnectOverrides;
  /** Whether it is ours alone: then ids and task queue need not be told from others'. */
  own: boolean;
}

async function startServer(life: Lifetime, io: Io, folder: string): Promise<Server> {
  const since = Date.now();
  const log = (line: string): void => io.say(`  ${line}`);
  const found = await life.until(findServer({ log }));
  if (found.kind === 'address') {
    log(`Temporal at ${found.address}, by ${found.how}`);
    return { address: found.address, connect: { address: found.address }, own: false };
  }
  log(`Temporal server: ${found.path} (${found.how})`);
  const launching = launchServer({
    executable: found.path,
    dbFile: path.join(folder, 'temporal.db'),
    logFile: path.join(folder, 'server.log'),
    searchAttributes: SEARCH_ATTRIBUTES,
  });
  life.atEnd(async () => (await launching.catch(() => undefined))?.stop());
  const { address, uiUrl } = await life.until(launching);
  log(`started at ${address}, with a database file, after ${took(Date.now() - since)}`);
  return { address, uiUrl, connect: { address, env: localEnv() }, own: true };
}

async function setStage(
  life: Lifetime,
  io: Io,
  folder: string,
  { connect, own, uiUrl }: Server,
  phases: PhaseHandler[],
): Promise<{ stage: Stage; page: string; adminKey: string }> {
  const since = Date.now();
  const log = openLog(path.join(folder, 'worker.log'));
  life.atEnd(log.close);
  installRuntime(log.write, { stacks: true });
  const storage = await openStorage({ folder, sources: [PACKAGE] });
  life.atEnd(() => storage.close());
  const ui = uiUrl === undefined ? undefined : `${uiUrl}/namespaces/default`;
  const suffix = own ? '' : `-${Date.now().toString(36)}`;
  const taskQueue = own ? undefined : `handoff-demo${suffix}`;
  const worker = await startWorker(life, { connect, storage, taskQueue, parts: { phases } });
  io.say(`  Worker: polls task queue ${worker.taskQueue} after ${took(Date.now() - since)}`);
  // Never closed: a long poll that is then sent again would throw where nobody can catch it, and we exit anyway.
  const { client: temporal } = await life.until(connectClient(connect));
  for (const name of AGENTS) await storage.agents.add({ name, heartbeatSeconds: 3600 });
  io.say(`  Agents: ${AGENTS.join(', ')}`);
  const settings = { ...DEFAULT_SETTINGS, port: await choosePort(undefined, API_PORT, '--api-port') };
  const page = await life.until(
    runService(life, { temporal, storage, settings, taskQueue, temporalUi: ui, log: log.write }),
  );
  const clients = new Map<string, HandoffClient>();
  for (const [agent, roles] of REPORT_AGENTS) {
    if (!(await storage.agents.find(agent))) await storage.agents.add({ name: agent, heartbeatSeconds: 3600 });
    const { secret } = await issueKey(storage.db, { agent, roles, by: 'system', from: 'handoff demo' });
    clients.set(agent, new HandoffClient({ url: page, apiKey: secret }));
  }
  io.say(`  Web page and HTTP API: ${page}, with a key for each of ${clients.size} agents`);
  const stage: Stage = {
    reports: (agent) => clients.get(agent)!.reports(),
    file: (name) => path.join(PACKAGE, 'examples', name),
    client: new HandoffClient({ temporal, storage, taskQueue }),
    storage,
    life,
    paint: io.paint,
    say: io.say,
    example: async (file) => (await readDocument(path.join(PACKAGE, 'examples', file))) as HandoffRequest,
    idOf: (name) => `${name}${suffix}`,
  };
  return { stage, page, adminKey: await adminKeyFile(storage) };
}

interface Urls {
  address: string;
  ui: string | undefined;
  page: string;
  /** The file that has it. */
  adminKey: string;
}

async function stayUp(life: Lifetime, io: Io, folder: string, { address, ui, page, adminKey }: Urls): Promise<void> {
  writeDevInfo(folder, { pid: process.pid, address, uiUrl: ui?.replace(/\/namespaces.*/, ''), apiUrl: page });
  const at = `--folder ${folder}`;
  io.say(
    [
      '',
      `Server and worker stay up until Ctrl-C.${ui ? ` All runs: ${ui}/workflows` : ''}`,
      `Web page: ${page} — log in with the key in ${adminKey}`,
      'Try from a second terminal, here:',
      `  npx handoff list ${at}`,
      `  npx handoff show undone ${at}`,
      `  npx handoff pipeline list ${at}`,
      `  npx handoff start examples/02-agent-handoff.yaml --id mine ${at}`,
      `  npx handoff accept mine --by @nodejs-specialist ${at}`,
      `  npx handoff submit-return mine --by @nodejs-specialist --epoch 1 --file examples/input/returns.yaml ${at}`,
      `  npx handoff complete mine --by @nodejs-specialist --epoch 1 ${at}`,
    ].join('\n'),
  );
  await life.untilStopped(new Promise<never>(() => {}));
}
