import { setTimeout as sleep } from 'node:timers/promises';
import type { PhaseHandler } from '../../activities/pipeline/phase.js';
import type { PipelineReport } from '../../client/pipeline/report.js';
import { STANDARD_PHASES } from '../../core/package/package.js';
import { ledgerIdOf, pipelineWorkflowIdOf } from '../../core/pipeline/ids.js';
import { packageFault } from '../../storage/packages/seal.js';
import { entriesText, pipelineChanges } from '../text/pipeline-text.js';
import { bytes, clock } from '../text/text.js';
import { check, ledgerIs } from './checks.js';
import type { Scene } from './scene.js';

const OPERATOR = '@product-owner';
const HELD = 'synthesis/read';
const STEP_MS = 120;
const PAUSE_MS = 1000;

/** The phases of the demo's worker. The step during which the pause comes waits for it, however slow the machine is. */
export function demoPhases(): { phases: PhaseHandler[]; go: () => void } {
  let go = (): void => {};
  const ordered = new Promise<void>((resolve) => (go = resolve));
  const phases = STANDARD_PHASES.map((phase): PhaseHandler => ({
    phase,
    steps: ['read', 'write'].map((name) => ({
      name,
      async run({ context, effect, signal }) {
        await sleep(STEP_MS, undefined, { signal });
        if (`${phase}/${name}` === HELD) await ordered;
        await effect('done', {}, () => Promise.resolve());
        await context.set(`${phase}.${name}`, { by: phase });
      },
    })),
  }));
  return { phases, go };
}

/** Seven phases, paused in the midst, and gone on with from the package. */
export const pausedPipeline = (go: () => void): Scene => ({
  title: 'A pipeline of seven phases, paused in the midst',
  about: 'Fourteen steps. The pause leaves a package of where it stands; from it, the rest goes on.',
  async play(stage) {
    const { client, storage, life, paint } = stage;
    const session = stage.idOf('seven-phases');
    const say = (line: string): void => stage.say(`   ${paint.dim(clock(Date.now()))}  ${line}`);
    const { pipelineId } = await life.until(client.pipelines.start({ session }));
    // One who asks is enough: of two queries at once the second would wait.
    const seen: { last?: PipelineReport } = {};
    const watching = (async (): Promise<void> => {
      for await (const report of client.pipelines.follow(session, { signal: life.signal, intervalMs: 60 })) {
        for (const line of pipelineChanges(paint, seen.last, report))
          if (!line.startsWith('  ') && !line.includes('▶')) say(line);
        seen.last = report;
      }
    })();
    watching.catch(() => {});
    const until = async (fits: (report: PipelineReport) => boolean): Promise<void> => {
      while (!seen.last || !fits(seen.last)) await life.sleep(20);
    };
    await life.until(Promise.race([until((r) => r.resumePoint === HELD), watching]));
    say(paint.cyan(`${OPERATOR} asks for a pause: audit`));
    const pausing = client.pipelines.pause(session, { by: OPERATOR, reason: 'audit' });
    pausing.catch(() => {});
    await life.until(Promise.race([until((r) => r.shown !== 'running'), watching]));
    go();
    const handoff = await life.until(pausing);
    const { id, context, checkpoint } = handoff;
    say(
      `package ${id}: ${entriesText(context.entries.length)}, ${bytes(context.size)}, goes on at ${checkpoint.resumePoint}`,
    );
    const stoodAt = (await storage.pipelines.steps(pipelineId)).length;
    await life.sleep(PAUSE_MS);
    const stillAt = (await storage.pipelines.steps(pipelineId)).length;
    say(paint.cyan(`${OPERATOR} resumes it from the package`));
    await life.until(client.pipelines.resume(id, { by: OPERATOR }));
    const { status } = await life.until(client.pipelines.result(session));
    await life.until(watching);
    const done = await storage.pipelines.steps(pipelineId);
    const effects = await storage.ledger.list(ledgerIdOf(pipelineId));
    const after = done.find((d) => d.epoch === 2);
    const goesOn = after && `${after.phase}/${after.step}`;
    return {
      handoffId: session,
      workflowId: pipelineWorkflowIdOf(session),
      procedure: 'pipeline',
      outcome: status,
      happened: `${status}, paused ${(PAUSE_MS / 1000).toFixed(1)} s at step ${stoodAt}`,
      checks: [
        check('it completed', status === 'completed', status),
        check('while it was paused, nothing moved', stoodAt === stillAt, [stoodAt, stillAt]),
        check('the package is whole, by its SHA-256', packageFault(handoff) === undefined, packageFault(handoff)),
        check('it went on exactly where the package says', goesOn === checkpoint.resumePoint, goesOn),
        check('14 steps, each done once', done.length === 14 && effects.length === 14, [done.length, effects.length]),
        ledgerIs(effects, 'applied'),
      ],
    };
  },
});
