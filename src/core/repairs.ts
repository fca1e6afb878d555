import type { Incident } from './handoff.js';

/** One way to end an incident: the verb of client and command line, with its choice where there is one. */
export interface Repair {
  verb: 'retry' | 'skip' | 'rollback' | 'resolve';
  choice?: 'keep_theirs' | 'restore_before' | 'merge';
  /** What comes of it, in a few words. */
  means: string;
}

/** What an operator can do about an incident, the gentlest first. */
export function repairsOf(incident: Incident): Repair[] {
  switch (incident.kind) {
    case 'step':
      return [
        { verb: 'retry', means: 'try the step again' },
        { verb: 'skip', means: 'go on without the step' },
        { verb: 'resolve', means: 'the step was done by hand' },
        { verb: 'rollback', means: 'undo the whole handoff' },
      ];
    case 'undo':
      return incident.conflict
        ? [
            { verb: 'resolve', choice: 'keep_theirs', means: 'leave what somebody else wrote' },
            { verb: 'resolve', choice: 'restore_before', means: 'put back what was there before' },
            { verb: 'resolve', choice: 'merge', means: 'put there the --value that you give' },
            { verb: 'resolve', means: 'it was mended by hand, and stays as it is' },
            { verb: 'retry', means: 'try the undo again' },
          ]
        : [
            { verb: 'retry', means: 'try the undo again' },
            { verb: 'resolve', means: 'it was undone by hand, or may stay' },
          ];
    case 'lease':
      return [
        { verb: 'retry', means: 'offer it again' },
        { verb: 'resolve', means: 'whoever does so holds the work now' },
        { verb: 'rollback', means: 'undo the whole handoff' },
      ];
    case 'return':
      return [
        { verb: 'retry', means: 'ask for it again' },
        { verb: 'resolve', means: 'take it as done' },
        { verb: 'rollback', means: 'undo the whole handoff' },
      ];
    case 'terminated':
      return [
        { verb: 'rollback', means: 'undo what it left' },
        { verb: 'resolve', means: 'leave what it left' },
      ];
  }
}
