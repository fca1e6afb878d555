import { failureOf } from '../failure.js';
import { agents, database, disk, kept } from './data.js';
import { bad, skipped, type Connected, type Finding, type Patient, type Stored } from './finding.js';
import { incidents, lost, overdue, records, stuck } from './runs.js';
import { namespace, schedule, searchAttributes, server, workers } from './server.js';

interface Check {
  name: string;
  needs: ('server' | 'attributes' | 'data')[];
  look: (patient: Connected & Stored) => Promise<Finding>;
}

const check = (name: string, needs: Check['needs'], look: Check['look']): Check => ({ name, needs, look });

/** In the order of the answer: what others hang on comes first. */
const CHECKS: Check[] = [
  check('server', ['server'], server),
  check('namespace', ['server'], namespace),
  check('search attributes', ['server'], searchAttributes),
  check('worker', ['server'], workers),
  check('reconciliation', ['server'], schedule),
  check('lost runs', ['server', 'data'], lost),
  check('stuck runs', ['server'], stuck),
  check('expiry', ['server', 'attributes'], overdue),
  check('records', ['server', 'attributes', 'data'], records),
  check('incidents', [], incidents),
  check('disk', ['data'], disk),
  check('database', ['data'], database),
  check('agents', ['data'], agents),
  check('leftovers', ['data'], kept),
];
/** What every later check that needs it would fail for. */
const GATES: Record<string, Check['needs'][number]> = {
  server: 'server',
  namespace: 'server',
  'search attributes': 'attributes',
};

/** Makes every check that can be made. None throws: a check that fails is a finding too. */
export async function examine(patient: Patient): Promise<Finding[]> {
  const found: Finding[] = [];
  const missing: Partial<Record<Check['needs'][number], string>> = {
    ...(patient.temporal ? {} : { server: 'no server was reached' }),
    ...(patient.storage ? {} : { data: 'no data folder could be opened' }),
  };
  for (const { name, needs, look } of CHECKS) {
    const lacks = needs.find((need) => missing[need]);
    if (lacks) {
      found.push(skipped(name, `not looked at: ${missing[lacks]!}`));
      continue;
    }
    const finding = await look(patient as Connected & Stored).catch((error: unknown) => {
      const { code, message } = failureOf(error);
      return bad(
        name,
        `the check failed: ${code}: ${message}`,
        'Make it again; if it fails again, see the server log.',
      );
    });
    found.push(finding);
    const gate = GATES[name];
    if (gate && finding.level === 'bad') missing[gate] = finding.what;
  }
  return found;
}
