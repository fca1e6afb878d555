import { setDefaultSignalHandler, setHandler, type SignalDefinition } from '@temporalio/workflow';

/** A signal of a workflow, as `attachSignals` takes it. */
interface Signal {
  name: string;
  take: (message: unknown) => void;
  attach: () => void;
}

/** A signal and its handler; `description` is what the Web UI says of it. */
export const signal = <M>(
  definition: SignalDefinition<[M]>,
  handle: (message: M) => void,
  description: string,
): Signal => ({
  name: definition.name,
  take: (message) => handle(message as M),
  attach: () => setHandler(definition, handle, { description }),
});

/**
 * Attaches all signals of a workflow. What came before its first task the SDK (1.24.0) keeps, and gives to each handler
 * as that is set: a pause that was sent after a resume would come before it, and be lost. Only a handler for all of them
 * is given them in the order in which they came.
 */
export function attachSignals(signals: readonly Signal[]): void {
  takeAll((name, message) => signals.find((s) => s.name === name)?.take(message));
  for (const { attach } of signals) attach();
}

/** Gives a handler what has come so far. One that stayed would have the SDK fail each task with a signal of a name of its own. */
function takeAll(handle: (name: string, message: unknown) => void): void {
  for (;;) {
    try {
      setDefaultSignalHandler(handle);
      return setDefaultSignalHandler(undefined);
    } catch (error) {
      // Such a signal is taken away, and the rest is still to come.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
