import { ApplicationFailure, type WorkflowInternalsInterceptor } from '@temporalio/workflow';
import { errorMessage } from '../core/errors.js';

/** The id of a query that came without a workflow task. */
const ALONE = 'legacy_query';

/**
 * Drops a run that was shown events ahead of their workflow task. A query that waits at the server for a worker brings
 * the whole history, and SDK 1.24.0 plays what follows the last task as if one had begun, at that last task's time. The
 * run stays in the cache, and what it decided goes out with the next real task, whose history then does not replay. A
 * query whose activation fails makes the SDK drop the run; the next task builds it anew from history.
 *
 * Such events are of the time of the last activation, or are the only ones not replayed in a run just built from
 * history: it is not told of a task that had no job for it, and so not of that task's time. Where that is so of a real
 * task, the query costs one replay more. No task fails, and no command depends on it.
 */
export function dropEarlyRuns(): WorkflowInternalsInterceptor {
  let last: { time: string; length: number; replayed: boolean } | undefined;
  let ahead = false;
  return {
    activate(input, next) {
      const { timestamp, historyLength, isReplaying, jobs } = input.activation;
      const query = jobs?.find((job) => job.queryWorkflow)?.queryWorkflow;
      if (ahead && query?.queryId === ALONE)
        throw ApplicationFailure.nonRetryable(errorMessage('QUERY_TOO_EARLY', {}), 'QUERY_TOO_EARLY');
      const time = `${String(timestamp?.seconds)}.${timestamp?.nanos ?? 0}`;
      const length = historyLength ?? 0;
      const replayed = !query && isReplaying === true;
      // A query or an update that a task carries proves that there is one.
      if (query || jobs?.some((job) => job.doUpdate)) ahead = false;
      else if (!last || length > last.length) ahead = !replayed && (last?.replayed || time === last?.time);
      last = { time, length, replayed };
      next(input);
    },
  };
}
