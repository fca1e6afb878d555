import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { launchPostgres } from './postgres.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const PEER = path.join(here, 'node_modules', '@dbos-inc', 'dbos-sdk', 'package.json');
const LANES = ['handoff', 'bareRegular', 'bareLocal', 'dbos'];

/** `npm run bench -- peers`: DBOS on PostgreSQL does the same four steps, in the same rounds. `out`: the compiled bench. */
export async function main(args, out) {
  const unknown = args.find((a) => !['peers', '--quick', '--json'].includes(a));
  if (unknown) throw new Error(`unknown option ${unknown}; there are --quick and --json`);
  if (!existsSync(PEER)) throw new Error('the packages of the peers are not installed: npm ci --prefix bench/peers');
  const load = (file) => import(pathToFileURL(path.join(out, file)).href);
  const { openBench } = await load('bench/place.js');
  const { createLanes, frozen } = await load('bench/lanes.js');
  const { measure } = await load('bench/measure.js');
  const { tables } = await load('bench/report.js');
  const { median, round, spreadOf } = await load('bench/stats.js');
  const { pickPort } = await load('dist/temporal/ports.js');

  const json = args.includes('--json');
  const say = (text) => void (json ? process.stderr : process.stdout).write(`${text}\n`);
  const quick = args.includes('--quick');
  const [rounds, counts] = [
    quick ? 2 : 5,
    new Map(
      quick
        ? [
            [1, 4],
            [20, 20],
          ]
        : [
            [1, 10],
            [20, 80],
          ],
    ),
  ];

  const postgres = await launchPostgres(await pickPort('127.0.0.1'));
  let bench;
  let peer;
  try {
    bench = await openBench(say);
    const { folder, sources } = bench;
    peer = await startPeer({ out, url: postgres.url, folder, sources });
    const version = JSON.parse(readFileSync(PEER, 'utf8')).version;
    const lanes = {
      ...createLanes(bench),
      dbos: {
        name: `DBOS ${version}, ${postgres.version.replace(/^postgres \((\w+)\) ([\d.]+).*$/, '$1 $2')}`,
        async prepare(id) {
          const { options } = await frozen(bench, id);
          return { workflowId: id, run: () => peer.ask(id, options.args[0].subject) };
        },
      },
    };
    const placeOf = (name) => (name === 'dbos' ? { ...bench, serverPid: postgres.pid, workerPid: peer.pid } : bench);
    for (const name of LANES) await measure(placeOf(name), lanes[name], 20, quick ? 10 : 60);
    const samples = new Map([...counts.keys()].map((c) => [c, new Map(LANES.map((name) => [name, []]))]));
    for (let n = 0; n < rounds; n++) {
      // As in the main bench: every lane is once the first.
      const turn = [...LANES.slice(n % LANES.length), ...LANES.slice(0, n % LANES.length)];
      for (const [c, count] of counts)
        for (const name of turn)
          samples
            .get(c)
            .get(name)
            .push(await measure(placeOf(name), lanes[name], c, count));
      say(`round ${n + 1} of ${rounds}`);
    }
    say(`\n${tables({ samples, events: new Map() }, lanes)}`);
    if (json) {
      const of = (c, name, what) =>
        samples
          .get(c)
          .get(name)
          .map((s) => s[what]);
      const ratio = (c, what) => {
        const theirs = of(c, 'dbos', what);
        const { median: mid, min, max } = spreadOf(of(c, 'handoff', what).map((v, i) => v / theirs[i]));
        return [round(mid), round(min), round(max)];
      };
      const figures = (name) => ({
        p50: round(median(of(1, name, 'p50')), 1),
        perSecond: round(median(of(20, name, 'perSecond')), 1),
      });
      const lanesOf = Object.fromEntries(LANES.map((name) => [name, figures(name)]));
      process.stdout.write(
        `${JSON.stringify({ vsDbos: ratio(20, 'perSecond'), p50VsDbos: ratio(1, 'p50'), ...lanesOf })}\n`,
      );
    }
  } finally {
    await peer?.close();
    await bench?.close();
    postgres.stop();
  }
}

/** The DBOS application, and a way to have it run one workflow. */
async function startPeer(place) {
  const child = fork(path.join(here, 'dbos-process.mjs'), [JSON.stringify(place)], { stdio: ['ignore', 2, 2, 'ipc'] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the process of DBOS ended too soon')));
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {});
  const waiting = new Map();
  child.on('message', ({ id, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve();
  });
  return {
    pid: child.pid,
    ask: (id, subject) =>
      new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.send({ id, subject });
      }),
    async close() {
      child.disconnect();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
