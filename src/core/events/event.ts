/** What others can hear of: over the WebSocket, by webhook, and in process with `client.on`. */
export const EVENT_TYPES = [
  'handoff:report_created',
  'handoff:report_updated',
  'handoff:report_submitted',
  'handoff:report_reviewed',
  'handoff:report_signed_off',
  'handoff:started',
  'handoff:awaiting_acceptance',
  'handoff:accepted',
  'handoff:paused',
  'handoff:resumed',
  'handoff:completed',
  'handoff:rejected',
  'handoff:expired',
  'handoff:failed',
  'handoff:cancelled',
  'handoff:incident_opened',
  'handoff:incident_resolved',
  /** Something now waits for you; again and again until it was seen or is over. */
  'handoff:waiting',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What happened; small facts, no content. */
export interface NewEvent {
  type: EventType;
  /** What it is about: `report/<id>` or `handoff/<id>`. */
  subject: string;
  /** Once for each of these: written again it is the same event. */
  key: string;
  /** Agents and roles that may hear of it besides admins: `agent:@a`, `role:reviewer`. */
  audience: readonly string[];
  data: Record<string, unknown>;
  /** Milliseconds. */
  at: number;
}

export interface StoredEvent extends NewEvent {
  /** Rises; the cursor. */
  seq: number;
}

/** An event as it goes out to listeners; the time is an ISO 8601 text. */
export interface EventMessage {
  cursor: number;
  type: EventType;
  subject: string;
  time: string;
  data: Record<string, unknown>;
}

export const messageOf = ({ seq, type, subject, at, data }: StoredEvent): EventMessage => ({
  cursor: seq,
  type,
  subject,
  time: new Date(at).toISOString(),
  data,
});

export const isEventType = (text: unknown): text is EventType => (EVENT_TYPES as readonly unknown[]).includes(text);
