import { HandoffError, type ErrorCode } from '../core/errors.js';
import type { TriggerPayload, TriggerSpec } from '../core/trigger.js';

const TIMEOUT_MS = 10_000;
/** Of those that blame the caller, the ones that pass by themselves. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Posts a CloudEvent (1.0, structured) under the effect's key, as its id and as `Idempotency-Key`: a repetition is the
 * same to the byte. Follows no redirect. Throws TRIGGER_REFUSED, TRIGGER_FAILED.
 */
export async function callWebhook(
  { url, headers }: NonNullable<TriggerSpec['webhook']>,
  payload: TriggerPayload,
  { key, at, signal }: { key: string; at: number; signal: AbortSignal },
): Promise<Record<string, unknown>> {
  const { origin, pathname } = new URL(url);
  const failed = (code: ErrorCode, why: string, cause?: unknown): HandoffError =>
    new HandoffError(code, { what: `${origin}${pathname}`, why }, { cause });
  const event = {
    specversion: '1.0',
    id: key,
    type: 'handoff.triggered',
    source: `handoff/${payload.handoffId}`,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    data: payload,
  };
  let answer: Response;
  try {
    answer = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...headers, 'content-type': 'application/cloudevents+json', 'idempotency-key': key },
      body: JSON.stringify(event),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await answer.body?.cancel();
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error && cause.message ? cause.message : message;
    throw failed('TRIGGER_FAILED', why, error);
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return { status };
  if (status >= 300 && status < 400) throw failed('TRIGGER_REFUSED', `status ${status}: redirects are not followed`);
  const refused = status >= 400 && status < 500 && !PASSING.has(status);
  throw failed(refused ? 'TRIGGER_REFUSED' : 'TRIGGER_FAILED', `status ${status}`);
}
