import { SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { CancellationScope, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { isOpenPipeline, resumePointOf, shownPipeline } from '../../core/pipeline/pipeline.js';
import { blockedPipeline, pipelineWords } from '../../core/pipeline/words.js';
import { SEARCH_KEYS } from '../../core/search-keys.js';
import { projectPipeline } from './activities.js';
import type { PipelineRun } from './run.js';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
const STATUS = keyword(SEARCH_KEYS.status);
const STEP = keyword(SEARCH_KEYS.step);
const BLOCKED = keyword(SEARCH_KEYS.reasonBlocked);
const SOURCE = keyword(SEARCH_KEYS.source);
const TARGET = keyword(SEARCH_KEYS.target);

/** What others see of a pipeline: current details and search attributes, and the projection in the database. */
export class PipelineView {
  private shown = '';
  private projected = '';
  /** One after the other, or an older one could overwrite a newer. */
  private projecting: Promise<void> = Promise.resolve();

  constructor(private readonly run: PipelineRun) {
    run.changed = () => this.update();
    this.update();
  }

  /** The present state, where anybody may look for it. */
  update(): void {
    this.show();
    this.project();
  }

  /** Resolves once the database has what it should. */
  written(): Promise<void> {
    return this.projecting;
  }

  private show(): void {
    const { state, phases, input } = this.run;
    setCurrentDetails(pipelineWords(input.subject, phases, state));
    const at = resumePointOf(state.at, phases);
    const blocked = blockedPipeline(state, phases);
    const phase = phases[Math.min(state.at.phase, phases.length - 1)]!.phase;
    const now = JSON.stringify([shownPipeline(state), phase, blocked]);
    if (now === this.shown) return;
    this.shown = now;
    upsertSearchAttributes([
      { key: STATUS, value: shownPipeline(state) },
      { key: STEP, value: isOpenPipeline(state) ? at : null },
      { key: BLOCKED, value: blocked ?? null },
      { key: SOURCE, value: phases[state.entered]?.phase ?? phase },
      { key: TARGET, value: phase },
    ]);
  }

  /** Steps record themselves where they are done; this writes what else people look for once no worker answers. */
  private project(): void {
    const { state, ref } = this.run;
    const { at, epoch, checkpoint, transition } = state;
    const now = JSON.stringify([shownPipeline(state), at.phase, epoch, checkpoint?.packageId, transition]);
    if (now === this.projected) return;
    this.projected = now;
    const target = state.status === 'transferring' ? state.moves.at(-1)?.to : undefined;
    const task = { ref, state, taskQueue: target ?? workflowInfo().taskQueue };
    this.projecting = this.projecting.then(() => CancellationScope.nonCancellable(() => projectPipeline(task)));
  }
}
