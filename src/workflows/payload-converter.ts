import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/common';

/** Stands for a message that cannot be read; no handler takes it for one of ours. */
const UNREADABLE = 'a payload that is not JSON';

/**
 * The usual conversion, but for what comes from outside: a signal stays in history, so that one with a payload that
 * cannot be read would fail the workflow task again and again, and nothing could end that run but a reset.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: (payload, context, hint) => {
    try {
      return defaultPayloadConverter.fromPayload(payload, context, hint);
    } catch (error) {
      if (context?.type !== 'workflow') throw error;
      return UNREADABLE as never;
    }
  },
};
