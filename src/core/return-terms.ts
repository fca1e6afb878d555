import { DEFAULT_RETURN_TIMEOUT_MINUTES, ifMissingOf, type Contract } from './contract.js';
import { HandoffError } from './errors.js';
import type { HandoffInput } from './request.js';
import type { ReturnTerms } from './return-state.js';

const MINUTE = 60_000;
/** Returns of one contract: each has its own clock in the run's state, which its history carries. */
const MOST_RETURNS = 500;

/** What a run needs to know of what its contract expects back. Throws INVALID_REQUEST for more than a run can carry. */
export function returnTermsOf(contract: Contract | undefined): Pick<HandoffInput, 'returns' | 'maxReturnRounds'> {
  const specs = Object.entries(contract?.returns ?? {});
  if (!contract || specs.length === 0) return {};
  if (specs.length > MOST_RETURNS) {
    const issues = `/contract/expects_in_return: ${specs.length} returns; at most ${MOST_RETURNS} are possible`;
    throw new HandoffError('INVALID_REQUEST', { issues });
  }
  const returns = specs.map(([name, spec]): [string, ReturnTerms] => {
    const { critical = false, expected_in, timeout_minutes = DEFAULT_RETURN_TIMEOUT_MINUTES } = spec;
    const expected = expected_in === undefined ? {} : { expectedInMs: expected_in * MINUTE };
    return [name, { critical, ifMissing: ifMissingOf(spec), timeoutMs: timeout_minutes * MINUTE, ...expected }];
  });
  return { returns: Object.fromEntries(returns), maxReturnRounds: contract.maxReturnRounds };
}
