import { createRequire } from 'node:module';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { isFields, type Fields } from '../core/fields.js';

/** What we use of protobufjs, which the SDK brings along. */
interface ProtoJson {
  toJson(type: unknown, message: unknown): object;
  fromJson(type: unknown, json: unknown, options: { ignoreUnknownFields: boolean }): History;
}
interface ProtoType {
  fromObject(value: object): unknown;
}
interface ProtoRoot {
  lookupType(name: string): ProtoType;
}

interface Converter {
  protoJson: ProtoJson;
  type: ProtoType;
}

let loaded: Converter | undefined;

/**
 * The SDK's own `historyToJSON` and `historyFromJSON` (1.24.0) fail wherever npm installs more than one copy of
 * protobufjs: a type of one copy is none to another. So the copy is taken that the message types come from.
 */
function converter(): Converter {
  if (loaded) return loaded;
  const common = createRequire(createRequire(import.meta.url).resolve('@temporalio/common'));
  const proto = createRequire(common.resolve('@temporalio/proto'));
  const protoJson = proto('protobufjs/ext/protojson') as ProtoJson;
  const { patchProtobufRoot } = common('@temporalio/proto/lib/patch-protobuf-root') as {
    patchProtobufRoot: (root: unknown) => ProtoRoot;
  };
  const type = patchProtobufRoot(common('@temporalio/proto')).lookupType('temporal.api.history.v1.History');
  loaded = { protoJson, type };
  return loaded;
}

/** A history as Temporal's own tools export it: what `temporal workflow show --output json` prints. */
export function historyToJson(history: History): string {
  const { protoJson, type } = converter();
  return `${JSON.stringify(protoJson.toJson(type, type.fromObject(history)), null, 1)}\n`;
}

/**
 * A history from an export of Temporal's: the command line's, the Web UI's, or ours. Throws an error that says in one
 * line what is wrong with it.
 */
export function historyFromJson(text: string): History {
  const json = parsed(text);
  if (!isFields(json) || !Array.isArray(json['events'])) throw new Error('it has no list `events`');
  const events = json['events'] as unknown[];
  if (events.length === 0) throw new Error('its list of events is empty');
  if (!isFields(events[0]) || !('workflowExecutionStartedEventAttributes' in events[0]))
    throw new Error('its first event is not the start of a workflow');
  const decoded = findDecoded(events);
  if (decoded) throw new Error(`its payloads were decoded (at ${decoded}); export it without decoding event history`);
  const { protoJson, type } = converter();
  const history = protoJson.fromJson(type, { events: events.map(withLongNames) }, { ignoreUnknownFields: true });
  // The SDK's core does not survive events that are missing or in another order.
  const gap = history.events!.findIndex((e, i) => Number(e.eventId) !== i + 1);
  if (gap >= 0) throw new Error(`event ${gap + 1} is missing`);
  if (events.length === 1) throw new Error('it ends before the first workflow task: there is nothing to replay');
  const unnamed = history.events?.find((e) => !e.eventType);
  if (unnamed) throw new Error(`event ${String(unnamed.eventId)} has no type that Temporal knows`);
  return history;
}

function parsed(text: string): unknown {
  if (text.trim() === '') throw new Error('it is empty');
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as Error).message.replaceAll('\n', ' ')}`, { cause: error });
  }
}

/** Where a list of payloads holds anything else than payloads: an export for people, which lacks what a replay needs. */
function findDecoded(value: unknown, at = 'events'): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const where = `${at}/${key}`;
    const bad = key === 'payloads' && (!Array.isArray(inner) || !inner.every((p) => isFields(p) && isPayload(p)));
    if (bad) return where;
    const found = findDecoded(inner, where);
    if (found) return found;
  }
  return undefined;
}

const isPayload = (p: Fields): boolean =>
  ['undefined', 'string'].includes(typeof p['data']) && (p['metadata'] === undefined || isFields(p['metadata']));

/** Older exports write an enumeration's values without its name: `WorkflowExecutionStarted`. */
const SHORT: Record<string, string> = {
  eventType: 'EVENT_TYPE',
  kind: 'TASK_QUEUE_KIND',
  parentClosePolicy: 'PARENT_CLOSE_POLICY',
  workflowIdReusePolicy: 'WORKFLOW_ID_REUSE_POLICY',
  initiator: 'CONTINUE_AS_NEW_INITIATOR',
  retryState: 'RETRY_STATE',
};

const constantCase = (name: string): string => name.replaceAll(/(?<=.)[A-Z]/g, '_$&').toUpperCase();

function withLongNames(value: unknown): unknown {
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const prefix = SHORT[key];
      if (prefix && typeof inner === 'string' && /^[A-Z][A-Za-z]*[a-z][A-Za-z]*$/.test(inner))
        return [key, `${prefix}_${constantCase(inner)}`];
      return [key, isFields(inner) ? withLongNames(inner) : inner];
    }),
  );
}
