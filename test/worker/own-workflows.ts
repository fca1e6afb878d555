import { defineSignal, proxyActivities, setHandler, condition } from '@temporalio/workflow';

const { upper } = proxyActivities<{ upper(text: string): Promise<string> }>({ startToCloseTimeout: '10s' });

export const goOn = defineSignal('goOn');

/** A user's own, with an activity of their own. */
export async function greet(name: string): Promise<string> {
  return `Hello ${await upper(name)}`;
}

/** One that is named as a procedure could be. */
export async function OWN_FLOW(input: { anything: number }): Promise<number> {
  let went = false;
  setHandler(goOn, () => void (went = true));
  await condition(() => went);
  return input.anything;
}
