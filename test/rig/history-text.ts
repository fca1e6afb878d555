import type { History } from '@temporalio/common/lib/proto-utils.js';

/**
 * A history as JSON that people can read: payloads stand in it as text. (The SDK's own conversion fails where npm
 * installs more than one copy of protobufjs, as it does here.)
 */
export function historyToText(history: History): string {
  return JSON.stringify(plain(history), null, 1);
}

/** Less the methods that protobuf messages have: their `toJSON` would write other names and types. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString('utf8');
    const whole = Buffer.from(text, 'utf8').equals(Buffer.from(value));
    return whole ? { $text: text } : { $bytes: Buffer.from(value).toString('base64') };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, v]) => v != null && !isEmpty(v))
      .map(([k, v]) => [k, plain(v)]),
  );
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** What {@link historyToText} wrote, as the SDK's replay takes it. */
export function historyFromText(text: string): History {
  return JSON.parse(text, (_, value: unknown) => {
    if (value === null || typeof value !== 'object') return value;
    if ('$text' in value) return new Uint8Array(Buffer.from(String(value.$text), 'utf8'));
    if ('$bytes' in value) return new Uint8Array(Buffer.from(String(value.$bytes), 'base64'));
    return value;
  }) as History;
}
