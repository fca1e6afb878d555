/** What is said of a text that {@link parseDate} does not take. */
export const NOT_A_DATE = 'is not a date (ISO 8601, such as 2026-01-13T11:30:00Z)';
const ISO = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** An ISO 8601 date or time in milliseconds; undefined where it is none. `Date.parse` takes `5` and 30 February too. */
export function parseDate(text: string): number | undefined {
  const time = ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) return undefined;
  const [year, month, day] = text.slice(0, 10).split('-').map(Number) as [number, number, number];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate() ? time : undefined;
}

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As {@link parseDate}, or so long before `now`: `90s`, `45m`, `2h`, `3d`. */
export function timeOrSpan(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d+)\s*([smhd])$/.exec(text.trim()) ?? [];
  const time = count && unit ? now - Number(count) * UNITS[unit]! : parseDate(text);
  return time === undefined || time < 0 ? undefined : time;
}

/** `2026-11-21 14:40:58 UTC`: as the Web UI writes it. */
export const utc = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
