import { setTimeout as sleep } from 'node:timers/promises';
import { invalidContext, type EntryFacts } from '../core/context/entry.js';
import { HandoffError } from '../core/errors.js';
import { globMatcher } from '../core/context/glob.js';
import type { ContextMetadata } from '../core/package/package.js';
import type { ContextEntry } from '../storage/context.js';
import type { Sessions } from '../storage/sessions.js';

/** One entry of a context, its value parsed. */
export interface SharedEntry<T = unknown> {
  key: string;
  value: T;
  metadata: ContextMetadata & Required<Pick<ContextMetadata, 'createdAt' | 'updatedAt' | 'version'>>;
}

/** Which entries: those that fit one of `include` and have one of `tags`, less those that fit an excluding one. */
export interface EntryFilter {
  /** Glob patterns for keys; see {@link globMatcher}. Absent: all. */
  include?: string | readonly string[];
  exclude?: string | readonly string[];
  tags?: readonly string[];
  excludeTags?: readonly string[];
}

export interface SetOptions extends EntryFacts {
  /** Only if the entry is still at this version; 0: only if there is none. */
  ifVersion?: number;
}

/** Whose entries are, where nobody is named. */
const DEFAULT_SOURCE = 'system';
/** How often `update` looks again because another writer was faster. */
const UPDATES = 1000;

/**
 * The entries of one session: durable, each with a version that every write raises, whichever process writes. Every
 * method may throw INVALID_CONTEXT, and what has `ifVersion` STATE_CONFLICT.
 */
export class SharedContext {
  constructor(
    private readonly sessions: Sessions,
    readonly sessionId: string,
  ) {}

  /** The value; undefined where there is no such entry. */
  async get<T = unknown>(key: string): Promise<T | undefined> {
    return (await this.entry<T>(key))?.value;
  }

  /** The value and what is known of it. */
  async entry<T = unknown>(key: string): Promise<SharedEntry<T> | undefined> {
    const found = await this.sessions.entry(this.sessionId, key);
    return found && (sharedEntry(found) as SharedEntry<T>);
  }

  /** Sets an entry. Without `tags` it keeps those that it has. Throws INPUT_TOO_LARGE of a value over 16 MB. */
  async set<T>(key: string, value: T, options: SetOptions = {}): Promise<SharedEntry<T>> {
    const { ifVersion, source = DEFAULT_SOURCE, tags } = options;
    const facts = tags === undefined ? { source } : { source, tags };
    const entry = await this.sessions.set(this.sessionId, key, value, source, ifVersion, facts);
    return sharedEntry(entry) as SharedEntry<T>;
  }

  /**
   * Sets an entry to what `change` makes of its value (undefined: there is none), and calls it again where another
   * writer came between, so that no write is lost.
   */
  async update<T = unknown>(
    key: string,
    change: (value: T | undefined, entry: SharedEntry<T> | undefined) => T | Promise<T>,
    facts: EntryFacts = {},
  ): Promise<SharedEntry<T>> {
    for (let round = 1; ; round++) {
      const found = await this.entry<T>(key);
      const value = await change(found?.value, found);
      try {
        return await this.set(key, value, { ...facts, ifVersion: found?.metadata.version ?? 0 });
      } catch (error) {
        const conflict = error instanceof HandoffError && error.code === 'STATE_CONFLICT';
        if (!conflict || round === UPDATES) throw error;
      }
      // Writers that meet again and again part sooner if they do not all come back at once.
      await sleep(Math.random() * Math.min(round, 20));
    }
  }

  /** Whether there was an entry to delete. */
  async delete(key: string, { ifVersion }: { ifVersion?: number } = {}): Promise<boolean> {
    return this.sessions.delete(this.sessionId, key, ifVersion);
  }

  /** The entries whose keys fit a glob pattern, by key; `*` is all. */
  async findByPattern(pattern: string): Promise<SharedEntry[]> {
    return this.find({ include: pattern });
  }

  /** The entries that a filter lets through, by key. */
  async find(filter: EntryFilter = {}): Promise<SharedEntry[]> {
    return (await this.rows(filter)).map(sharedEntry);
  }

  /** The same with the values as the JSON texts that are stored. */
  async rows(filter: EntryFilter = {}): Promise<ContextEntry[]> {
    const fits = entryFilter(filter);
    return (await this.sessions.context(this.sessionId)).filter(fits);
  }
}

function entryFilter({ include, exclude, tags, excludeTags }: EntryFilter): (entry: ContextEntry) => boolean {
  const included = matchers(include);
  const excluded = matchers(exclude) ?? [];
  for (const list of [tags, excludeTags]) {
    if (list !== undefined && !Array.isArray(list))
      throw invalidContext([{ path: '', message: 'tags to look for must be a list of texts' }]);
  }
  return (entry) =>
    (included === undefined || included.some((fits) => fits(entry.key))) &&
    !excluded.some((fits) => fits(entry.key)) &&
    (tags === undefined || tags.some((tag) => entry.tags.includes(tag))) &&
    !excludeTags?.some((tag) => entry.tags.includes(tag));
}

const matchers = (patterns: string | readonly string[] | undefined): ((key: string) => boolean)[] | undefined =>
  patterns === undefined ? undefined : [patterns].flat().map((pattern) => globMatcher(pattern));

const sharedEntry = (e: ContextEntry): SharedEntry => ({
  key: e.key,
  value: JSON.parse(e.value) as unknown,
  metadata: metadataOf(e),
});

/** What a package says of an entry. */
export const metadataOf = (e: ContextEntry): SharedEntry['metadata'] => ({
  source: e.source,
  tags: e.tags,
  createdAt: new Date(e.createdAt).toISOString(),
  updatedAt: new Date(e.updatedAt).toISOString(),
  version: e.version,
});
