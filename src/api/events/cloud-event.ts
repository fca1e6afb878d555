import { Webhook as Signer } from 'standardwebhooks';
import type { StoredEvent } from '../../core/events/event.js';
import { PREFIX } from '../deps.js';

const MEDIA_TYPE = 'application/cloudevents+json';

/** An event as a CloudEvent 1.0 in the structured form. `id` is the same however often it is sent. */
export function cloudEventOf({ seq, type, subject, at, data }: StoredEvent): string {
  return JSON.stringify({
    specversion: '1.0',
    id: idOf(seq),
    source: PREFIX,
    type,
    subject,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
    // The cursor, by the name that the extension for sequences has.
    sequence: String(seq),
    data,
  });
}

const idOf = (seq: number): string => `evt_${seq}`;

/** The headers of Standard Webhooks, for this body at this moment. */
export function signed(secret: string, seq: number, body: string, now = new Date()): Record<string, string> {
  const id = idOf(seq);
  return {
    'content-type': `${MEDIA_TYPE}; charset=utf-8`,
    'user-agent': 'handoff-webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Signer(secret).sign(id, now, body),
  };
}
