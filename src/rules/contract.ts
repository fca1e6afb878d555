import type { ContractFault, FaultCode } from '../core/contract.js';
import type { PackageContent } from '../core/request.js';
import type { BuiltinRuleId } from '../core/rule.js';
import { validateHandoff } from '../contracts/handoff.js';
import type { Validated } from '../contracts/validate.js';
import { faultsText } from '../contracts/validation-error.js';
import { fail, pass, type RuleContext, type RuleFinding } from './rule.js';

type ContractRuleId = Extract<BuiltinRuleId, `DC00${1 | 2 | 3 | 4 | 5 | 6}`>;

const CODES: Record<ContractRuleId, readonly FaultCode[]> = {
  DC001: ['missing_artifact', 'unreadable_artifact', 'wrong_kind'],
  DC002: [
    'schema_missing',
    'schema_invalid',
    'schema_violation',
    'not_parseable',
    'not_transformable',
    'too_large',
    'timed_out',
  ],
  DC003: ['checksum_mismatch'],
  DC004: ['missing_field'],
  DC005: ['wrong_type'],
  DC006: ['missing_dependency'],
};

/** One look at the artifacts for all rules of a session: they are given the same content. */
const looks = new WeakMap<PackageContent, Promise<Validated>>();

export function validationOf(
  sight: Parameters<typeof validateHandoff>[0] & { content: PackageContent },
): Promise<Validated> {
  const { content } = sight;
  const known = looks.get(content);
  if (known) return known;
  const look = validateHandoff(sight);
  looks.set(content, look);
  // One that was stopped found nothing.
  look.catch(() => looks.delete(content));
  return look;
}

/** The rules of a contract, DC001 to DC006: each tells its own faults, and together they tell all. */
export const byContract =
  (id: ContractRuleId) =>
  async (context: RuleContext): Promise<RuleFinding> => {
    const { contract } = context.content;
    if (!contract) return pass('there is no contract');
    const { errors, warnings } = await validationOf(context);
    const isMine = ({ code, artifact }: ContractFault): boolean =>
      CODES[id].includes(code) ||
      // A type that the schema asks for is the schema's as well.
      (id === 'DC002' && code === 'wrong_type' && contract.sends[artifact]?.schema !== undefined);
    const mine = errors.filter(isMine);
    if (mine.length > 0) return fail(faultsText(mine));
    const minor = warnings.filter(isMine);
    const count = Object.keys(contract.sends).length;
    return pass(`${count} artifacts by contract${minor.length > 0 ? `; ${faultsText(minor)}` : ''}`);
  };
