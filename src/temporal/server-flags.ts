import type { SearchAttributeTypeName } from './search-attributes.js';

/** What an embedded server is started with. */
export interface ServerSettings {
  /** SQLite file, made with its folder if it is not there. Default: in memory, gone with the process. */
  dbFile?: string;
  /** Default: `127.0.0.1`. The server has no authentication; whoever reaches this address is an operator. */
  ip?: string;
  /** Without the Web UI. Default: false. */
  headless?: boolean;
  /** Made at start, besides `default`. */
  namespace?: string;
  /** Made together with a *new* namespace; the server ignores them for one that exists, see `ensureSearchAttributes`. */
  searchAttributes?: Record<string, SearchAttributeTypeName>;
  /** `NORMAL` (the default) survives a killed process; `FULL` also power loss, at three quarters of the throughput. */
  synchronous?: 'NORMAL' | 'FULL';
  /** Dynamic configuration of the server, over ours. */
  dynamicConfig?: Record<string, string | number | boolean>;
}

/**
 * The dev server polls its only shard 20 times a second, spreads a task queue over four partitions, and reads the search
 * attributes from the database each time: all three cost latency. Without the last, attributes added to a running
 * server are seen after up to 2 s, which `ensureSearchAttributes` waits for.
 */
const DYNAMIC_CONFIG: Record<string, string | number | boolean> = {
  'history.transferProcessorMaxPollRPS': 5000,
  'history.timerProcessorMaxPollRPS': 5000,
  'history.visibilityProcessorMaxPollRPS': 5000,
  'matching.numTaskqueueReadPartitions': 1,
  'matching.numTaskqueueWritePartitions': 1,
  'system.forceSearchAttributesCacheRefreshOnRead': false,
};

/** The arguments for `temporal`, in the order of its help. `uiPort` is ignored where there is no UI. */
export function serverArguments(settings: ServerSettings & { ip: string; port: number; uiPort: number }): string[] {
  const {
    dbFile,
    ip,
    port,
    uiPort,
    headless,
    namespace,
    searchAttributes = {},
    synchronous = 'NORMAL',
    dynamicConfig,
  } = settings;
  const flags = ['server', 'start-dev', '--ip', ip, '--port', String(port)];
  if (headless) flags.push('--headless');
  else flags.push('--ui-port', String(uiPort));
  if (namespace !== undefined) flags.push('--namespace', namespace);
  if (dbFile !== undefined) {
    flags.push(
      '--db-filename',
      dbFile,
      '--sqlite-pragma',
      'journal_mode=WAL',
      '--sqlite-pragma',
      `synchronous=${synchronous}`,
    );
  }
  for (const [name, type] of Object.entries(searchAttributes)) flags.push('--search-attribute', `${name}=${type}`);
  for (const [key, value] of Object.entries({ ...DYNAMIC_CONFIG, ...dynamicConfig })) {
    flags.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
  }
  return flags;
}

/** Our environment without `TEMPORAL_*`, which is about the server that clients use, and with a calmer garbage collector. */
export function serverEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { GOGC: '400', ...Object.fromEntries(kept) };
}
