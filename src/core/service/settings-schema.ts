import { z } from 'zod';
import { invalid, type Issue } from '../errors.js';
import { SIGN_OFF_ROLES, type ReportTerms } from '../report/report.js';
import { DEFAULT_SETTINGS, type ServiceSettings } from './settings.js';

/** What every name of the environment begins with. */
const PREFIX = 'AGENT_HANDOFF_';
const MEGABYTE = 1024 * 1024;
/** Longer spans are slips of the pen, and near what a timer can wait. */
const DAYS_MAX = 3650;

type Field = Exclude<keyof ServiceSettings, 'terms'> | `terms.${keyof ReportTerms}`;

interface Entry {
  field: Field;
  /** Reads the text; its error says what is expected. */
  schema: z.ZodType;
  /** What it means, a sentence for `handoff config` and docs/configuration.md. */
  means: string;
  /** A value of the settings as the environment would have it. Default: its text; lists with commas. */
  text?: (value: never) => string;
  /** What holds where there is no value. Default: `off`. */
  unset?: string;
}

const number = (min: number, max: number, whole = false): z.ZodType<number> => {
  const expected = `expected ${whole ? 'a whole number' : 'a number'} of ${min} to ${max}`;
  return z
    .string()
    .regex(/^\s*\d+(\.\d+)?\s*$/, expected)
    .transform(Number)
    .refine((n) => n >= min && n <= max && (!whole || Number.isInteger(n)), expected);
};

const flag = z.stringbool({
  truthy: ['true', '1', 'yes', 'on'],
  falsy: ['false', '0', 'no', 'off'],
  error: 'expected true or false',
});
const words = z.string().transform((text) => text.split(',').flatMap((word) => word.trim() || []));
const megabytes = number(0.001, 1024).transform((mb) => Math.round(mb * MEGABYTE));
const inMegabytes = (bytes: number): string => String(bytes / MEGABYTE);

const threshold = z.union([z.literal('off').transform(() => undefined), number(0, 1)], {
  error: 'expected a number of 0 to 1, or off',
});

const origins = words.refine(
  (all) => all.every((o) => URL.canParse(o) && new URL(o).origin === o),
  'expected origins such as https://app.example.com, with commas between them',
);

/** Each setting by its name in the environment, in the order in which they are shown. */
export const SETTINGS: Record<string, Entry> = {
  AGENT_HANDOFF_HOST: {
    field: 'host',
    schema: z.string().trim().min(1, 'expected an address or a host name'),
    means: 'The address that the service listens on. Any other than a loopback one is reached from outside.',
  },
  AGENT_HANDOFF_PORT: {
    field: 'port',
    schema: number(0, 65_535, true),
    means: 'The port of the service; 0: any free one.',
  },
  AGENT_HANDOFF_TRUST_PROXY: {
    field: 'trustProxy',
    schema: flag,
    means: 'Whether the proxy in front of it says who asks (the last of X-Forwarded-For, X-Forwarded-Proto).',
  },
  AGENT_HANDOFF_CORS_ORIGINS: {
    field: 'corsOrigins',
    schema: origins,
    means: 'Origins whose pages may use the API from a browser; none: CORS is off.',
  },
  AGENT_HANDOFF_RATE_LIMIT_PER_MINUTE: {
    field: 'rateLimitPerMinute',
    schema: number(0, 1_000_000, true),
    means: 'Requests of one key in a minute, and of one address without a key; 0: no limit.',
  },
  AGENT_HANDOFF_MAX_REPORT_SIZE_MB: {
    field: 'maxReportBytes',
    schema: megabytes,
    means: 'The largest body of a request, megabytes.',
    text: inMegabytes,
  },
  AGENT_HANDOFF_MAX_ATTACHMENT_SIZE_MB: {
    field: 'maxAttachmentBytes',
    schema: megabytes,
    means: 'The largest attachment of a report, megabytes.',
    text: inMegabytes,
  },
  AGENT_HANDOFF_CACHE_SECONDS: {
    field: 'cacheSeconds',
    schema: number(0, 86_400),
    means: 'How long dashboard and statistics are kept, where nothing changes.',
  },
  AGENT_HANDOFF_ENABLE_NOTIFICATIONS: {
    field: 'notifications',
    schema: flag,
    means: 'Whether it is told that something waits for somebody.',
  },
  AGENT_HANDOFF_REMINDER_MINUTES: {
    field: 'reminderMinutes',
    schema: number(1, 100_000),
    means: 'How often it is told again, until it was seen.',
  },
  AGENT_HANDOFF_WEBHOOK_ALLOW_PRIVATE: {
    field: 'webhookAllowPrivate',
    schema: flag,
    means: 'Whether webhooks may go to addresses within this machine and its networks.',
  },
  AGENT_HANDOFF_REVIEW_TIMEOUT_DAYS: {
    field: 'terms.reviewTimeoutDays',
    schema: number(0.001, DAYS_MAX),
    means: 'A review that takes longer is escalated.',
  },
  AGENT_HANDOFF_ESCALATION_CHAIN: {
    field: 'terms.escalationChain',
    schema: words.refine((all) => all.length <= 20, 'expected at most 20 roles or agents'),
    means: 'Roles or agents that a late review goes to, one after the other.',
  },
  AGENT_HANDOFF_REMINDER_HOURS: {
    field: 'terms.reminderHours',
    schema: number(0.001, 10_000),
    means: 'Hours until who was called to a late review is reminded of it.',
  },
  AGENT_HANDOFF_ENABLE_AUTO_VALIDATION: {
    field: 'terms.autoValidation',
    schema: flag,
    means: 'Whether a submitted report is validated before anybody reviews it.',
  },
  AGENT_HANDOFF_AUTO_APPROVAL_THRESHOLD: {
    field: 'terms.autoApprovalThreshold',
    schema: threshold,
    means: 'From which share of verified facts on (0 to 1) a report is approved by itself; off: never.',
  },
  AGENT_HANDOFF_COVERAGE_TARGET: {
    field: 'terms.coverageTarget',
    schema: number(1, 100),
    means: 'Per cent of lines that count as full coverage.',
  },
  AGENT_HANDOFF_REQUIRED_SIGN_OFFS: {
    field: 'terms.requiredSignOffs',
    schema: words.pipe(z.array(z.enum(SIGN_OFF_ROLES, { error: `expected some of ${SIGN_OFF_ROLES.join(', ')}` }))),
    means: 'The roles that must sign off an approved report.',
  },
  AGENT_HANDOFF_SIGN_OFF_EXPIRY_DAYS: {
    field: 'terms.signOffExpiryDays',
    schema: number(0.001, DAYS_MAX),
    means: 'For how long a sign-off counts.',
  },
  AGENT_HANDOFF_ALLOW_SELF_SIGN_OFF: {
    field: 'terms.allowSelfSignOff',
    schema: flag,
    means: 'Whether who wrote a report may sign it off.',
  },
  AGENT_HANDOFF_ALLOW_TWO_ROLES: {
    field: 'terms.allowTwoRoles',
    schema: flag,
    means: 'Whether one person may sign off in two roles.',
  },
  AGENT_HANDOFF_AUDIT_KEY: {
    field: 'auditKey',
    schema: z.string(),
    means: 'The file with the key that the audit log is signed with.',
    unset: 'audit-key.pem in the data folder',
  },
  AGENT_HANDOFF_AUDIT_ANCHORS: {
    field: 'auditAnchors',
    schema: z.string(),
    means: 'The file that the signed heads of the audit log go to.',
    unset: 'audit-anchors.jsonl in the data folder',
  },
};

/** A setting as it is, for people. */
export interface ShownSetting {
  name: string;
  /** As the environment would have it. */
  value: string;
  source: 'default' | 'environment';
  default: string;
  means: string;
}

/** The settings of an environment. Throws INVALID_SETTINGS with all that is wrong, each by its name. */
export function readSettings(env: Record<string, string | undefined> = {}): ServiceSettings {
  const faults: Issue[] = [];
  const settings = copyOf(DEFAULT_SETTINGS);
  for (const [name, text] of given(env)) {
    const entry = SETTINGS[name];
    const parsed = entry?.schema.safeParse(text);
    if (!entry) faults.push({ path: name, message: `is no setting${meant(name)}` });
    else if (parsed?.success) set(settings, entry.field, parsed.data);
    else
      faults.push({
        path: name,
        message: `${parsed?.error.issues[0]?.message ?? 'is not valid'}, got ${JSON.stringify(text)}`,
      });
  }
  if (faults.length > 0) throw invalid('INVALID_SETTINGS', faults);
  return settings;
}

/** Each setting with its value and where that comes from. Throws INVALID_SETTINGS. */
export function showSettings(env: Record<string, string | undefined> = {}): ShownSetting[] {
  const settings = readSettings(env);
  const set = new Set(given(env).map(([name]) => name));
  return Object.entries(SETTINGS).map(([name, entry]) => ({
    name,
    value: textOf(entry, settings),
    source: set.has(name) ? 'environment' : 'default',
    default: textOf(entry, DEFAULT_SETTINGS),
    means: entry.means,
  }));
}

/** An empty variable is one that is not set, as everywhere with us. */
const given = (env: Record<string, string | undefined>): [string, string][] =>
  Object.entries(env).filter((e): e is [string, string] => e[0].startsWith(PREFIX) && Boolean(e[1]?.trim()));

function textOf({ field, text, unset = 'off' }: Entry, settings: ServiceSettings): string {
  const value = valueOf(settings, field);
  if (text) return text(value as never);
  if (Array.isArray(value)) return value.join(',');
  return value === undefined ? unset : `${value as string | number | boolean}`;
}

const within = /^terms\./;
const holder = (settings: ServiceSettings, field: Field): Record<string, unknown> =>
  (within.test(field) ? settings.terms : settings) as unknown as Record<string, unknown>;
const valueOf = (settings: ServiceSettings, field: Field): unknown =>
  holder(settings, field)[field.replace(within, '')];
function set(settings: ServiceSettings, field: Field, value: unknown): void {
  holder(settings, field)[field.replace(within, '')] = value;
}

/** Plain data: JSON is enough. */
const copyOf = (settings: ServiceSettings): ServiceSettings => JSON.parse(JSON.stringify(settings)) as ServiceSettings;

/** The setting that a misspelt name is nearest to. */
function meant(name: string): string {
  const near = Object.keys(SETTINGS)
    .map((known) => ({ known, far: distance(name.slice(PREFIX.length), known.slice(PREFIX.length)) }))
    .toSorted((a, b) => a.far - b.far)[0];
  return near && near.far <= Math.max(2, name.length / 6) ? `; did you mean ${near.known}?` : '';
}

/** How many letters must be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change));
    }
    row = next;
  }
  return row[b.length]!;
}
