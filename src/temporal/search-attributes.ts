import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError } from '@temporalio/client';
import type { Connection } from '@temporalio/client';
import { serverError } from './server-errors.js';

/** The names of a search attribute's types, as the server spells them. */
export type SearchAttributeTypeName = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

/**
 * What operators filter and sort handoffs by. A namespace on SQL has room for 10 Keywords in all, shared with the
 * user's other applications, so these are few.
 */
export const SEARCH_ATTRIBUTES = {
  HandoffStatus: 'Keyword',
  HandoffSource: 'Keyword',
  HandoffTarget: 'Keyword',
  HandoffPriority: 'Keyword',
  HandoffSession: 'Keyword',
  HandoffStep: 'Keyword',
  HandoffReasonBlocked: 'Keyword',
  HandoffExpiry: 'Datetime',
} as const satisfies Record<string, SearchAttributeTypeName>;

/** `temporal.api.enums.v1.IndexedValueType`, which the client package does not export. */
const INDEXED_VALUE_TYPE: Record<SearchAttributeTypeName, number> = {
  Text: 1,
  Keyword: 2,
  Int: 3,
  Double: 4,
  Bool: 5,
  Datetime: 6,
  KeywordList: 7,
};

const VISIBLE_WITHIN_MS = 60_000;
const ATTEMPTS = 5;

/**
 * The names of our search attributes that `namespace` lacks.
 *
 * @throws {HandoffError} `SEARCH_ATTRIBUTES_REFUSED` if one exists with another type, or the list may not be read
 */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await refusals(namespace, () =>
    connection.operatorService.listSearchAttributes({ namespace }),
  );
  const missing: string[] = [];
  for (const [name, type] of Object.entries(SEARCH_ATTRIBUTES)) {
    const found = customAttributes?.[name];
    if (found === undefined || found === null) missing.push(name);
    else if (found !== INDEXED_VALUE_TYPE[type]) {
      const foundName = Object.entries(INDEXED_VALUE_TYPE).find(([, number]) => number === found)?.[0] ?? String(found);
      throw serverError(
        'SEARCH_ATTRIBUTES_REFUSED',
        `Search attribute ${name} of namespace ${namespace} is a ${foundName}; handoff needs a ${type}. Remove or rename the other one.`,
      );
    }
  }
  return missing;
}

/**
 * Adds those of our search attributes that `namespace` lacks, and waits until they can be used in a query.
 * Safe to call again, and by several processes at once.
 *
 * @returns the names that were missing when it was called
 * @throws {HandoffError} `SEARCH_ATTRIBUTES_REFUSED` if the server does not let us add them, has no room for them, or
 *   does not show them within a minute
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const added = await missingSearchAttributes(connection, namespace).catch((error: unknown) => {
    // A server without visibility, such as the time-skipping one, takes them as they come.
    if (isUnimplemented(error)) return [];
    throw error;
  });
  if (added.length === 0) return [];
  let missing = added;
  for (let attempt = 1; missing.length > 0; attempt++) {
    try {
      const searchAttributes = Object.fromEntries(
        missing.map((name) => [name, INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTES[name as keyof typeof SEARCH_ATTRIBUTES]]]),
      );
      await refusals(namespace, () => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
    } catch (error) {
      // Another process may have added them, or changed the namespace in the same moment.
      if (attempt === ATTEMPTS) throw error;
      await sleep(50 * attempt);
    }
    missing = await missingSearchAttributes(connection, namespace);
  }
  await untilUsable(connection, namespace, added);
  return added;
}

// 12 = UNIMPLEMENTED
const isUnimplemented = (error: unknown): boolean =>
  error instanceof Error && isGrpcServiceError(error.cause) && Number(error.cause.code) === 12;

async function untilUsable(connection: Connection, namespace: string, names: string[]): Promise<void> {
  const query = names.map((name) => `${name} IS NULL`).join(' AND ');
  const deadline = Date.now() + VISIBLE_WITHIN_MS;
  // The list reads the database; queries and writes read a cache of it that may lag by seconds.
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (cause) {
      if (Date.now() >= deadline) {
        throw serverError(
          'SEARCH_ATTRIBUTES_REFUSED',
          `The search attributes were added to namespace ${namespace}, but cannot be used in queries after ${VISIBLE_WITHIN_MS / 1000} s: ${(cause as Error).message}`,
          { cause },
        );
      }
      await sleep(50);
    }
  }
}

async function refusals<T>(namespace: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (!isGrpcServiceError(cause)) throw cause;
    const flags = Object.entries(SEARCH_ATTRIBUTES)
      .map(([name, type]) => `--name ${name} --type ${type}`)
      .join(' ');
    throw serverError(
      'SEARCH_ATTRIBUTES_REFUSED',
      `The server did not let us set up the search attributes of namespace ${namespace}: ${cause.details}. ` +
        `Somebody who may can do it: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
      { cause },
    );
  }
}
