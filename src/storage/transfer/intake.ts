import type { Journal } from './journal.js';
import type { TreeDigest } from './listing.js';
import type { Pace } from './pace.js';
import type { Raw } from './raw.js';

/** What is to be read, and what becomes of it. */
export interface Intake {
  /** Named in errors. */
  artifact: string;
  /** The real path of a file or folder. */
  source: string;
  /** Where a copy is made of it; absent: it is only hashed. */
  into?: Raw;
  /** What an earlier attempt has done is not done again. */
  journal?: Journal;
  pace: Pace;
  /** Gets what a folder holds, as its tree digest covers it. */
  each?: ConstructorParameters<typeof TreeDigest>[0];
  /** What is copied is on disk before it counts as done. */
  sync?: boolean;
  /** The real folders that the source must lie in: for the error where it was led out of them. */
  roots?: readonly string[];
  /** Names the work for whoever goes on with it in this process. Default: the source. */
  name?: string;
}
