/** The names of our search attributes: all Keyword, but the expiry, which is a Datetime. */
export const SEARCH_KEYS = {
  status: 'HandoffStatus',
  source: 'HandoffSource',
  target: 'HandoffTarget',
  priority: 'HandoffPriority',
  session: 'HandoffSession',
  step: 'HandoffStep',
  reasonBlocked: 'HandoffReasonBlocked',
  expiry: 'HandoffExpiry',
} as const;

/** A text as a list query of Temporal's has it. */
export const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
