import { faultsOf, text, type Check } from '../message.js';
import { reportWorkflowIdOf } from './ids.js';
import { COMPONENT_TYPES, SIGN_OFF_ROLES } from './report.js';

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const fits =
  (isFit: (v: unknown) => boolean, what: string): Check =>
  (v) =>
    isFit(v) ? undefined : `must be ${what}`;
const positive = fits((v) => typeof v === 'number' && Number.isFinite(v) && v > 0, 'a number over 0');
const flag = fits((v) => typeof v === 'boolean', 'true or false');
const texts = (allowed?: readonly string[]): Check =>
  fits(
    (v) => Array.isArray(v) && v.every((t) => typeof t === 'string' && (allowed?.includes(t) ?? t !== '')),
    'a list of texts',
  );

const TERMS: Record<string, Check> = {
  reviewTimeoutDays: positive,
  signOffExpiryDays: positive,
  autoApprovalThreshold: fits((v) => v === undefined || (typeof v === 'number' && v >= 0 && v <= 1), 'from 0 to 1'),
  autoValidation: flag,
  requiredSignOffs: texts(SIGN_OFF_ROLES),
  coverageTarget: fits((v) => typeof v === 'number' && v >= 0 && v <= 100, 'from 0 to 100'),
  escalationChain: texts(),
  reminderHours: positive,
  allowSelfSignOff: flag,
  allowTwoRoles: flag,
};

/** What is wrong with the input of a report that somebody started by hand; undefined where it can run. */
export function faultOfReportStart(
  input: Record<string, unknown>,
  workflowId: string,
  continued: boolean,
): string | undefined {
  const { terms, version, outline } = input;
  const missing = ['reportId', 'author', 'pipelineId', 'taskId'].find((f) => text(256)(input[f]));
  if (missing) return `/${missing} must be a text`;
  const id = reportWorkflowIdOf(input['reportId'] as string);
  if (workflowId !== id) return `the workflow id must be ${id}`;
  const fault = faultsOf(TERMS, terms);
  if (fault) return `/terms: ${fault}`;
  if (!isObject(version) || typeof version['digest'] !== 'string') return '/version must have a digest';
  const components = isObject(outline) ? outline['components'] : undefined;
  const whole =
    isObject(components) &&
    COMPONENT_TYPES.every((c) => isObject(components[c])) &&
    isObject(outline) &&
    Array.isArray(outline['missing']) &&
    Array.isArray(outline['attachments']);
  if (!whole) return '/outline must have components, missing and attachments';
  return input['carried'] !== undefined && !continued ? '/carried is only for a run that continues' : undefined;
}
