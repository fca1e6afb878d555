import type { HandoffClient } from '../../client.js';
import type { Reports } from '../../client/reports/port.js';
import { isClosed, shownStatus, type HandoffOutcome, type HandoffState } from '../../core/handoff.js';
import { partyText, type HandoffRequest, type Party } from '../../core/request.js';
import type { Storage } from '../../storage/storage.js';
import { follow } from '../follow.js';
import type { Lifetime } from '../lifetime.js';
import { clock, type Paint } from '../text/text.js';
import type { Check } from './checks.js';

/** What all scenes of the demo work with. */
export interface Stage {
  client: HandoffClient;
  storage: Storage;
  life: Lifetime;
  paint: Paint;
  say: (line: string) => void;
  /** Reports over HTTP, with the key of one of the agents that have one. */
  reports(agent: string): Reports;
  /** The path of a file among the examples. */
  file(name: string): string;
  /** The request of an example file. */
  example(file: string): Promise<HandoffRequest>;
  /** An id that nobody used on this server before. */
  idOf(name: string): string;
}

/** One of the handoffs that the demo shows. */
export interface Scene {
  title: string;
  /** What there is to see, before it happens. */
  about: string;
  play(stage: Stage): Promise<Told>;
}

export interface Told {
  handoffId: string;
  /** Where it is no handoff's. */
  workflowId?: string;
  procedure: string;
  outcome: HandoffOutcome['outcome'];
  /** In a few words, for the summary. */
  happened: string;
  checks: Check[];
}

/** Waits until the handoff has been told to show a status, so that what is played comes after what was seen. */
export type UntilTold = (shown: string) => Promise<void>;

/** Starts a handoff and tells what happens to it; `drive` plays the agents and operators meanwhile, `first` before we look. */
export async function playHandoff(
  stage: Stage,
  request: HandoffRequest & { handoffId: string },
  drive: (told: UntilTold) => Promise<void> = () => Promise.resolve(),
  first: () => Promise<void> = () => Promise.resolve(),
): Promise<HandoffOutcome> {
  const { client, life, paint } = stage;
  const { handoffId: id, source, target } = request;
  const say = (line: string): void => stage.say(`   ${line}`);
  say(paint.dim(`${partyText(source as Party)} → ${partyText(target as Party)}`));
  await life.until(client.start(request));
  await life.until(first());

  let seen = '';
  const waiting: { shown: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  const onState = (state: HandoffState): void => {
    seen = shownStatus(state);
    for (const w of waiting) {
      if (w.shown === seen) w.resolve();
      else if (isClosed(state.status)) w.reject(new Error(`handoff ${id} is ${seen} and never became ${w.shown}`));
    }
  };
  const told: UntilTold = (shown) =>
    seen === shown ? Promise.resolve() : new Promise((resolve, reject) => waiting.push({ shown, resolve, reject }));
  const following = follow(client, id, { paint, say, signal: life.signal, hints: false, onState });
  // If the driver fails, the scene is over, whatever the handoff does.
  const [outcome] = await life.until(Promise.all([following, drive(told)]));
  const word = outcome.outcome === 'completed' ? paint.green('✓ completed') : paint.red(`✗ ${outcome.outcome}`);
  say(`${paint.dim(clock(Date.now()))}  ${word}`);
  return outcome;
}
