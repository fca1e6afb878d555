import { condition, defineQuery, defineSignal, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';

const { begun } = proxyActivities<{ begun(id: string, args: unknown[]): Promise<void> }>({
  startToCloseTimeout: '10s',
});

const nextSignal = defineSignal<unknown[]>('next');
export const finishSignal = defineSignal('finish');
export const heardQuery = defineQuery<unknown[][]>('heard');

/** Waits for work: what it heard, until it is told to finish. */
export async function receiver(): Promise<unknown[][]> {
  const heard: unknown[][] = [];
  let over = false;
  setHandler(nextSignal, (...args) => void heard.push(args));
  setHandler(finishSignal, () => void (over = true));
  setHandler(heardQuery, () => heard);
  await condition(() => over);
  return heard;
}

/** A phase that a handoff starts: works until it is told to finish, and says what it heard of pauses. */
export async function nextPhase(...args: unknown[]): Promise<unknown[][]> {
  const heard: unknown[][] = [];
  let over = false;
  setHandler(defineSignal<[object]>('pause'), (m) => void heard.push(['pause', m]));
  setHandler(defineSignal<[object]>('resume'), (m) => void heard.push(['resume', m]));
  setHandler(finishSignal, () => void (over = true));
  setHandler(heardQuery, () => heard);
  await begun(workflowInfo().workflowId, args);
  await condition(() => over);
  return heard;
}
