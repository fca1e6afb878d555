// What takes long to load is loaded by the verb that needs it: help and bad input are answered in a tenth of a second.
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { HandoffClient } from '../client.js';
import type { ReportSettings } from '../client/local.js';
import { DEFAULT_TASK_QUEUE } from '../core/request.js';
import type { Storage, StorageOptions } from '../storage/storage.js';
import type { ConnectOverrides } from '../temporal/connect.js';
import { readDevInfo } from './dev-info.js';
import { UsageError, failureOf } from './failure.js';
import type { Io } from './io.js';

/** Where a verb works: the options that all have in common. */
export interface PlaceOptions {
  folder: string;
  address?: string;
  namespace?: string;
  profile?: string;
  taskQueue?: string;
  source?: string[];
  root?: string;
  schemas?: string[];
}

/** Our environment without what is said of other servers: an API key or TLS would keep us from the embedded one. */
export function localEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: path.resolve('.handoff', 'no-such-file.toml') };
}

/** How to connect: as configured, else to the `handoff dev` that runs on the folder, else to the default address. */
export async function connectTo(options: PlaceOptions): Promise<ConnectOverrides> {
  const { configuredAddress } = await import('../temporal/connect.js');
  const { address, namespace, profile } = options;
  const asked = { address, namespace, profile };
  if (profile !== undefined || configuredAddress(asked)) return asked;
  const dev = readDevInfo(options.folder);
  return dev?.address ? { address: dev.address, namespace, env: localEnv() } : asked;
}

/** The key that packages are signed with, of the environment. */
export const packageKey = (env = process.env): { key?: string; keyId?: string } => {
  const { HANDOFF_PACKAGE_KEY: key, HANDOFF_PACKAGE_KEY_ID: keyId } = env;
  return key ? { key, ...(keyId ? { keyId } : {}) } : {};
};

/** Where the key and the anchors of the audit log are, of the environment. Default: in the data folder. */
const auditPlaces = (env = process.env): { key?: string; anchors?: string } => {
  const { AGENT_HANDOFF_AUDIT_KEY: key, AGENT_HANDOFF_AUDIT_ANCHORS: anchors } = env;
  return { ...(key ? { key } : {}), ...(anchors ? { anchors } : {}) };
};

/** The folders that the options name, as the storage takes them. */
export const storageOptions = ({ folder, source, root, schemas }: PlaceOptions): StorageOptions => ({
  folder,
  root,
  sources: source,
  schemas,
  packages: packageKey(),
  audit: auditPlaces(),
});

export async function storageAt(options: PlaceOptions): Promise<Storage> {
  const { openStorage } = await import('../storage/storage.js');
  return openStorage(storageOptions(options));
}

/** The storage of a folder, where there is one. One that is there and cannot be read is an error: nobody looks past it. */
export const storageIfThere = (options: PlaceOptions): Promise<Storage | undefined> =>
  existingStorage(options).catch((error: unknown) => {
    if (error instanceof UsageError) return undefined;
    throw error;
  });

/** The storage of a folder that must be there: reading must not make one wherever somebody happens to stand. */
export async function existingStorage(options: PlaceOptions): Promise<Storage> {
  const folder = path.resolve(options.folder);
  if (existsSync(path.join(folder, 'handoff.db'))) return storageAt(options);
  throw new UsageError(
    `${folder} holds no handoff data. Run \`handoff dev\` or \`handoff worker\` here first, or name their folder with --folder.`,
    'FOLDER_NOT_FOUND',
    { folder },
  );
}

/** Runs `work` with the storage of a folder, and closes it; to `read`, the folder must be there. */
export async function withStorage<T>(
  options: PlaceOptions,
  mode: 'read' | 'write',
  work: (storage: Storage) => Promise<T>,
): Promise<T> {
  const storage = await (mode === 'read' ? existingStorage(options) : storageAt(options));
  try {
    return await work(storage);
  } finally {
    await storage.close();
  }
}

export interface Place {
  client: HandoffClient;
  storage: Storage | undefined;
  /** Where the Web UI is, if it is the one of `handoff dev`. */
  uiUrl: string | undefined;
}

/**
 * Runs `work` with a connected client, and closes what it opened. `needsFolder`: the folder is made where it is not
 * there; otherwise a verb makes do with what Temporal knows. `reports`: what new reports keep.
 */
export async function withPlace<T>(
  options: PlaceOptions,
  work: (place: Place) => Promise<T>,
  { needsFolder = false, reports }: { needsFolder?: boolean; reports?: ReportSettings } = {},
): Promise<T> {
  const [{ HandoffClient }, { connectClient }] = await Promise.all([
    import('../client.js'),
    import('../temporal/connect.js'),
  ]);
  const overrides = await connectTo(options);
  const there = existsSync(path.join(path.resolve(options.folder), 'handoff.db'));
  const { client: temporal, connection, namespace, address } = await connectClient(overrides);
  const storage = needsFolder || there ? await storageAt(options) : undefined;
  try {
    const taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
    const client = new HandoffClient({ temporal, storage, taskQueue, ...(reports ? { reports } : {}) });
    return await work({ client, storage, uiUrl: uiUrlOf(options.folder, address, namespace) });
  } finally {
    await storage?.close();
    await connection.close();
  }
}

/**
 * The same; where the server cannot be reached, `recorded` makes do with the storage, if one is there. Where that has
 * nothing either, the server is what is missing.
 */
export async function withPlaceOrRecords<T>(
  options: PlaceOptions,
  io: Io,
  live: (place: Place) => Promise<T>,
  recorded: (storage: Storage) => Promise<T | undefined>,
): Promise<T> {
  try {
    return await withPlace(options, live);
  } catch (error) {
    const storage = failureOf(error).code === 'TEMPORAL_UNREACHABLE' && (await storageIfThere(options));
    if (!storage) throw error;
    try {
      const found = await recorded(storage);
      if (found === undefined) throw error;
      io.note('The Temporal server cannot be reached; these are the last records.');
      return found;
    } finally {
      await storage.close();
    }
  }
}

/** The Web UI of a connection, if it is the one of `handoff dev`. */
export function uiUrlOf(folder: string, address: string, namespace: string): string | undefined {
  const dev = readDevInfo(folder);
  return dev?.address === address && dev.uiUrl ? `${dev.uiUrl}/namespaces/${encodeURIComponent(namespace)}` : undefined;
}

/** The page of one handoff in the Web UI. */
export const uiLink = (ui: string, workflowId: string, runId?: string): string =>
  `${ui}/workflows/${encodeURIComponent(workflowId)}${runId ? `/${runId}/history` : ''}`;

/** Who gives the order, where they do not say. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return process.env['USER'] || 'operator';
  }
}
