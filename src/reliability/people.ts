/** The agents between which the iterations hand over, and how they behave. */
export const SOURCE = '@reliability-source';
export const TARGET = '@reliability-target';

/** What the target does with an offer, or the source with its own handoff. */
export type Conduct = 'accept' | 'reject' | 'silent' | 'cancel';
