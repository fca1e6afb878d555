import { constants } from 'node:os';
import { HandoffError } from '../core/errors.js';
import { printable } from '../core/ids.js';
import { pointOf } from './points.js';

export type PointFault =
  | { kind: 'kill' | 'fail' | 'refuse' | 'hang' | 'pause' }
  | { kind: 'delay'; ms: number }
  | { kind: 'errno'; code: string };

/** One entry of `HANDOFF_FAILPOINTS`. */
export interface Setting {
  /** `name` or `name:step`. */
  point: string;
  fault: PointFault;
  /** As it was written, and as it stands in the log: `delay:100`. */
  text: string;
  /** Only the nth time, from 1. */
  only?: number;
  /** Each time with this probability, above 0 and at most 1. */
  rate?: number;
}

const ENTRY = /^(?<name>[a-z0-9_.]+)(?::(?<step>[a-z0-9_]+))?=(?<fault>[a-z]+(?::[A-Z0-9_]+)?)(?<when>[@%].+)?$/;
const FORM =
  'it must be name[:step]=fault[@nth|%rate], with one of kill, fail, refuse, hang, pause, delay:<ms>, errno:<CODE>';

/** Reads entries apart by commas. Throws INVALID_FAILPOINTS for whatever could not strike as written. */
export function parseSettings(text: string): Setting[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map(parseSetting);
}

function parseSetting(entry: string): Setting {
  const bad = (why: string): HandoffError => new HandoffError('INVALID_FAILPOINTS', { entry: printable(entry), why });
  const { name, step, fault: said, when } = ENTRY.exec(entry)?.groups ?? {};
  if (name === undefined || said === undefined) throw bad(FORM);
  const info = pointOf(name);
  if (!info) throw bad(`there is no point ${name}`);
  if (step !== undefined && !info.steps) throw bad(`${name} is not of a step`);
  const fault = faultOf(said);
  if (!fault) throw bad(FORM);
  if (fault.kind === 'hang' && info.sync) throw bad(`nothing can wait at ${name} without end`);
  const setting: Setting = { point: step === undefined ? name : `${name}:${step}`, fault, text: said };
  const value = Number(when?.slice(1));
  if (when?.startsWith('@')) {
    if (!Number.isInteger(value) || value < 1) throw bad('what follows @ must be a whole number from 1 on');
    setting.only = value;
  } else if (when) {
    if (!(value > 0 && value <= 1)) throw bad('what follows % must be above 0 and at most 1');
    setting.rate = value;
  }
  return setting;
}

function faultOf(text: string): PointFault | undefined {
  const [kind, more] = text.split(':');
  switch (kind) {
    case 'delay':
      return more !== undefined && /^\d{1,9}$/.test(more) ? { kind, ms: Number(more) } : undefined;
    case 'errno':
      return more !== undefined && (more in constants.errno || /^SQLITE_[A-Z_]+$/.test(more))
        ? { kind, code: more }
        : undefined;
    case 'kill':
    case 'fail':
    case 'refuse':
    case 'hang':
    case 'pause':
      return more === undefined ? { kind } : undefined;
    default:
      return undefined;
  }
}
