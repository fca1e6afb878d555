import type { ContractFault, ContractValidation } from '../core/contract.js';
import { HandoffError } from '../core/errors.js';

/** Faults that a message names; the rest is counted. */
const NAMED = 5;
/** Characters of JSON that the faults in a failure's details may have: they stand in the history. */
const DETAILS_LIMIT = 16 * 1024;

/** `a.json: …; b.json at /x: …; and 3 more`: one line for people. */
export function faultsText(faults: readonly ContractFault[], named = NAMED): string {
  const lines = faults.slice(0, named).map((f) => f.message);
  if (faults.length > named) lines.push(`and ${faults.length - named} more`);
  return lines.join('; ');
}

function bounded(faults: readonly ContractFault[]): ContractFault[] {
  let size = 0;
  return faults.filter((f) => (size += JSON.stringify(f).length + 1) <= DETAILS_LIMIT);
}

/** Artifacts that break their contract. `validation` has all faults; `params.faults` as many as a failure can carry. */
export class HandoffValidationError extends HandoffError {
  constructor(readonly validation: ContractValidation) {
    const { errors } = validation;
    super('CONTRACT_BROKEN', { issues: faultsText(errors), faults: bounded(errors), total: errors.length });
  }
}

/** Throws {@link HandoffValidationError} unless the artifacts keep the contract. */
export function assertValid(validation: ContractValidation): void {
  if (!validation.valid) throw new HandoffValidationError(validation);
}
