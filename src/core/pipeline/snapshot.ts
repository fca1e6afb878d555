import {
  placeAt,
  progressOfPipeline,
  resumePointOf,
  shownPipeline,
  type FrozenPhase,
  type PipelineShown,
  type PipelineState,
  type PipelineSubject,
} from './pipeline.js';
import { pipelineWords } from './words.js';

/** Everything about a pipeline at one moment. */
export interface PipelineSnapshot {
  subject: PipelineSubject;
  phases: FrozenPhase[];
  state: PipelineState;
  shown: PipelineShown;
  /** The phase at work; past the end, the last one. */
  phase: string;
  /** Its steps that are done, and how many it has. */
  step: number;
  totalSteps: number;
  /** `<phase>/<step>`: what runs or comes next. */
  resumePoint: string;
  stepsDone: number;
  steps: number;
  percent: number;
  taskQueue: string;
  /** In words: where it stands, what it waits for, what to press. */
  words: string;
  /** Milliseconds; the time of the answer as the workflow knows it. */
  at: number;
}

/** What is said of a pipeline in that state, by its run or from the record of it. `at`: milliseconds. */
export function pipelineSnapshot(
  { subject, phases }: { subject: PipelineSubject; phases: readonly FrozenPhase[] },
  state: PipelineState,
  taskQueue: string,
  at: number,
): PipelineSnapshot {
  const { phase, total } = placeAt(state.at, phases);
  return {
    subject,
    phases: [...phases],
    state,
    shown: shownPipeline(state),
    phase,
    step: state.at.phase < phases.length ? state.at.step : total,
    totalSteps: total,
    resumePoint: resumePointOf(state.at, phases),
    ...progressOfPipeline(state.at, phases),
    taskQueue,
    words: pipelineWords(subject, phases, state),
    at,
  };
}
