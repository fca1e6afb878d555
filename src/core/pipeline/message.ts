import { by, date, faultsOf, oneOf, optional, reason, text, type Check } from '../message.js';
import { MERGE_STRATEGIES } from '../package/package.js';
import type { PipelineMessageName } from './pipeline.js';

const holder = optional(oneOf('operator', 'parent'));
const merge = optional(oneOf(...MERGE_STRATEGIES));
const queue = text(200);

const FIELDS: Record<PipelineMessageName, Record<string, Check>> = {
  pause: { by, reason: optional(reason), until: optional(date), at: optional(date), holder },
  resume: { by, packageId: optional(text(128)), merge, note: optional(text(4000)), taskQueue: optional(queue), holder },
  transfer: { by, taskQueue: queue, merge },
  cancel: { by, reason },
};

/** What is wrong with a message to a pipeline; undefined where it is whole. */
export const faultOfPipelineMessage = (name: PipelineMessageName, message: unknown): string | undefined =>
  faultsOf(FIELDS[name], message);
