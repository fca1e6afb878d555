import { remaining } from '../../core/clock.js';
import { HandoffError } from '../../core/errors.js';
import type { HandoffState } from '../../core/handoff.js';
import type { ArtifactSpec, Party } from '../../core/request.js';
import { clock } from '../text/text.js';
import { arrived, check, ledgerIs, nothingLeft, snapshot, type Check } from './checks.js';
import { playHandoff, type Scene, type Stage, type UntilTold } from './scene.js';

const SESSION = 'blog';
const ARCHITECT = '@code-architect';
const SPECIALIST = '@nodejs-specialist';
const PAUSE_MS = 1500;

/** A line about what an agent or an operator does, among those about the handoff. */
const tell = (stage: Stage, line: string): void =>
  stage.say(`   ${stage.paint.dim(clock(Date.now()))}  ${stage.paint.cyan(line)}`);

const completed = (outcome: string): Check => check('it completed', outcome === 'completed', outcome);

const phaseTransition: Scene = {
  title: 'A phase hands over to the next',
  about: 'Phase 8 is complete; its files and the state of the session move to phase 13.',
  async play(stage) {
    const { storage } = stage;
    await storage.sessions.setPhase(SESSION, 8, 'completed', ARCHITECT);
    const request = { ...(await stage.example('01-phase-transition.json')), handoffId: stage.idOf('phase-transition') };
    const since = Date.now();
    const { outcome } = await playHandoff(stage, request);
    const seconds = ((Date.now() - since) / 1000).toFixed(1);
    const [from, to] = [await storage.sessions.phase(SESSION, '8'), await storage.sessions.phase(SESSION, '13')];
    return {
      ...request,
      outcome,
      happened: `${outcome} in ${seconds} s`,
      checks: [
        completed(outcome),
        await arrived(storage, request.target as Party, request.artifacts ?? []),
        check('phase 8 handed off, phase 13 ready', from?.status === 'handed_off' && to?.status === 'ready', [
          from,
          to,
        ]),
        ledgerIs(await storage.ledger.list(request.handoffId), 'applied'),
        await nothingLeft(storage),
      ],
    };
  },
};

const agentHandoff: Scene = {
  title: 'An agent hands over to another, who accepts',
  about: 'Only one agent can accept, and only that one can return what is asked for, and complete.',
  async play(stage) {
    const { client, storage } = stage;
    const request = { ...(await stage.example('02-agent-handoff.yaml')), handoffId: stage.idOf('agent-handoff') };
    const id = request.handoffId;
    let second = 'was not refused';
    let back: ArtifactSpec[] = [];
    const { outcome, by } = await playHandoff(stage, request, async (told) => {
      await told('awaiting_acceptance');
      tell(stage, `${SPECIALIST} accepts`);
      const { epoch } = await client.accept(id, { by: SPECIALIST, leaseMinutes: 30 });
      second = await client.accept(id, { by: '@test-engineer' }).then(
        () => second,
        (error: unknown) => (error instanceof HandoffError ? error.code : String(error)),
      );
      tell(stage, `@test-engineer accepts, too late: ${second}`);
      const artifacts = ['express-app.json', 'api-routes.json'].map((name) => ({
        name,
        path: `examples/input/${name}`,
      }));
      await client.submitReturn(id, { by: SPECIALIST, epoch, artifacts });
      back = artifacts;
      tell(stage, `${SPECIALIST} returns the application and its routes, and completes`);
      await client.complete(id, { by: SPECIALIST, epoch });
    });
    return {
      ...request,
      outcome,
      happened: 'accepted, returned, completed',
      checks: [
        completed(outcome),
        check(`by ${SPECIALIST}`, by === SPECIALIST, by),
        check('the second acceptance was refused', second === 'ALREADY_ACCEPTED', second),
        await arrived(storage, request.target as Party, request.artifacts ?? []),
        await arrived(storage, request.source as Party, back, 'came back'),
        ledgerIs(await storage.ledger.list(id), 'applied'),
        await nothingLeft(storage),
      ],
    };
  },
};

const pausedAndResumed: Scene = {
  title: 'One is paused, and goes on',
  about: 'While it is paused its clock stands still, so no pause lets it expire.',
  async play(stage) {
    const { client, storage, life } = stage;
    const { contract: _, ...whole } = await stage.example('02-agent-handoff.yaml');
    const request = {
      ...whole,
      handoffId: stage.idOf('pause-resume'),
      target: { agent: '@test-engineer' },
    };
    const id = request.handoffId;
    const left: number[] = [];
    // Before the first look: the server lets one of two questions that come at the same time wait for 2 s.
    const first = (): Promise<void> =>
      client.pause(id, { by: 'operator', reason: 'waiting for a decision on the budget' });
    const drive = async (told: UntilTold): Promise<void> => {
      await told('paused');
      for (let look = 0; look < 2; look++) {
        if (look > 0) await life.sleep(PAUSE_MS);
        const { state } = await client.status(id);
        left.push(leftMs(state!));
        tell(
          stage,
          `the clock shows ${minutes(left.at(-1)!)} left${look > 0 ? `, ${PAUSE_MS / 1000} s later: it stands still` : ''}`,
        );
      }
      tell(stage, 'the operator resumes it');
      await client.resume(id, { by: 'operator', note: 'the budget is agreed' });
      await told('awaiting_acceptance');
      tell(stage, '@test-engineer accepts and completes');
      const { epoch } = await client.accept(id, { by: '@test-engineer' });
      await client.complete(id, { by: '@test-engineer', epoch });
    };
    const { outcome } = await playHandoff(stage, request, drive, first);
    return {
      ...request,
      outcome,
      happened: `paused ${PAUSE_MS / 1000} s, then completed`,
      checks: [
        completed(outcome),
        check('its clock stood still', left.length === 2 && left[0] === left[1], left),
        await arrived(storage, request.target, request.artifacts ?? []),
        ledgerIs(await storage.ledger.list(id), 'applied'),
        await nothingLeft(storage),
      ],
    };
  },
};

const leftMs = (state: HandoffState): number => remaining(state.expiry, Date.now());
const minutes = (ms: number): string =>
  `${Math.floor(ms / 60_000)} min ${((ms % 60_000) / 1000).toFixed(3).padStart(6, '0')} s`;

const failedAndUndone: Scene = {
  title: 'One fails at its third step, and is undone',
  about: 'A new revision overwrites a file; then its context turns out to be stale.',
  async play(stage) {
    const { storage } = stage;
    const { sessions } = storage;
    await sessions.setPhase(SESSION, 8, 'completed', ARCHITECT);
    const request = { ...(await stage.example('03-stale-context.yaml')), handoffId: stage.idOf('undone') };
    const { version } = await sessions.set(SESSION, 'modules', ['users', 'posts'], '@product-owner');
    tell(stage, `@product-owner changes "modules" to version ${version}; we expect 1`);
    const before = await snapshot(storage, SESSION);
    const { outcome, code, steps } = await playHandoff(stage, request);
    const after = await snapshot(storage, SESSION);
    const effects = await storage.ledger.list(request.handoffId);
    const file = 'phase_13/code-architecture.json';
    const ours = effects.find((e) => e.resource.endsWith(file))?.data['after'] as { sha256: string } | undefined;
    const short = (digest: string | undefined): string => digest?.slice(0, 8) ?? 'none';
    const [was, wrote, is] = [short(before.files[file]), short(ours?.sha256), short(after.files[file])];
    stage.say(`   ${file}: ${was}… → step 2 wrote ${wrote}… → now ${is}…`);
    const failed = Object.entries(steps).find(([, s]) => s.status === 'failed')?.[0];
    return {
      ...request,
      outcome,
      happened: 'failed at step 3, undone',
      checks: [
        check('it failed, as it should', outcome === 'failed' && code === 'STATE_CONFLICT', [outcome, code]),
        check('at State Synchronization', failed === 'state_synchronization', failed),
        check('step 2 had overwritten a file', was !== wrote && ours !== undefined, [was, wrote]),
        check('every file is as before, to the byte', same(before.files, after.files), [before.files, after.files]),
        check('phases and context are as before', before.state === after.state, [before.state, after.state]),
        ledgerIs(effects, 'undone'),
        await nothingLeft(storage),
      ],
    };
  },
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export const SCENES: readonly Scene[] = [phaseTransition, agentHandoff, pausedAndResumed, failedAndUndone];
export const AGENTS = [ARCHITECT, SPECIALIST, '@test-engineer'];
