/**
 * Maps every text of a history in Temporal's export format, those in payloads included, which stand in it as base64.
 * What is no text stays.
 */
export function mapTexts(value: unknown, map: (text: string, key: string) => string, key = ''): unknown {
  if (typeof value === 'string') return map(value, key);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, map, key));
  if (value === null || typeof value !== 'object') return value;
  const isPayload = 'metadata' in value && 'data' in value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => {
      if (!isPayload || k !== 'data') return [k, isPayload ? v : mapTexts(v, map, k)];
      const bytes = Buffer.from(String(v), 'base64');
      const text = bytes.toString('utf8');
      const whole = Buffer.from(text, 'utf8').equals(bytes);
      return [k, whole ? Buffer.from(map(text, k), 'utf8').toString('base64') : v];
    }),
  );
}
