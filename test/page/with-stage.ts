import { afterAll, beforeAll, type TestContext } from 'vitest';
import { obtainChromium } from '../rig/chromium.js';
import { Stage } from './stage.js';

/** Gives the tests of a file one stage; where there is no Chromium to be had, whoever asks for it is skipped, and says why. */
export function withStage(): (ctx: TestContext) => Stage {
  let stage: Stage | undefined;
  let why = 'no Chromium';
  beforeAll(async () => {
    const executable = await obtainChromium((line) => console.log(`[browser] ${(why = line)}`));
    if (executable) stage = await Stage.open(executable);
  }, 300_000);
  afterAll(() => stage?.close());
  return function on(ctx: TestContext): Stage {
    if (!stage) ctx.skip(why);
    return stage;
  };
}
