import type { Stack } from './stack.js';

/** Numbers from a seed: the same seed, the same numbers. In [0, 1). */
export type Random = () => number;

/** What one strike of a fault came to. */
export interface Strike {
  /** Whether there is evidence that it struck. */
  fired: boolean;
  /** In words, for the report: `killed worker 2 (pid 4711) with SIGKILL; up again after 812 ms`. */
  what: string;
}

/** A fault that can strike a running stack. It is real: processes die, files are locked, connections break. */
export interface Fault {
  name: string;
  /** One line for people. */
  about: string;
  /** Why it cannot strike here, such as a server that is not ours; undefined where it can. */
  lacks?: (stack: Stack) => string | undefined;
  /** Strikes once, holds as long as it takes (seconds), and mends what it broke: after it the stack is whole again. */
  strike: (stack: Stack, random: Random) => Promise<Strike>;
}
