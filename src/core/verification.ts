/** How what is on disk, or in the ledger, differs from what the manifest says. */
export type DifferenceKind =
  | 'missing'
  | 'changed'
  | 'mode_changed'
  | 'other_kind'
  | 'unreadable'
  | 'entry_missing'
  | 'entry_extra'
  | 'entry_changed'
  | 'entry_mode_changed'
  | 'ledger';

export interface Difference {
  kind: DifferenceKind;
  /** The artifact's id; absent where the manifest does not have it. */
  artifact?: string;
  name: string;
  handoff: string;
  /** Where it should be. */
  path: string;
  /** Inside a directory: the path of what differs. */
  entry?: string;
  expected?: string;
  found?: string;
}

/** What a comparison of the manifest with disk and ledger found. */
export interface Verification {
  /** Whether there is no difference. */
  ok: boolean;
  /** Places that were read. */
  checked: number;
  /** Bytes that were read. */
  bytes: number;
  /** Transfers that are not on disk, and rightly so. */
  undone: number;
  takenOver: number;
  differences: Difference[];
}
