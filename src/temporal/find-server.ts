import { resolve } from 'node:path';
import { defaultCacheDir } from './cache.js';
import { configuredAddress } from './connect.js';
import { findOnPath, isExecutable } from './executables.js';
import { TEMPORAL_CLI_VERSION, cachedServerPath, installServer } from './install-server.js';
import { serverError } from './server-errors.js';

export interface FindServerOptions {
  /** `host:port` of a server that runs. */
  address?: string;
  /** A Temporal CLI, or any program that takes the flags of its `server start-dev`. */
  path?: string;
  /** Our cache. Default: `$XDG_CACHE_HOME/handoff`, else `~/.cache/handoff`. */
  cacheDir?: string;
  /** Hears what happens, a line at a time; an installation can take minutes. Default: silence. */
  log?: (line: string) => void;
  /** Whether a server may be downloaded or built if none is there. Default: true. */
  allowInstall?: boolean;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
}

/** A server to connect to, or a program to start; `how` says in words where it came from. */
export type FoundServer =
  | { kind: 'address'; address: string; how: string }
  | { kind: 'executable'; path: string; how: string };

/**
 * Finds a Temporal server. The first of these that there is:
 * 1. an address: the option, `TEMPORAL_ADDRESS`, a profile of the Temporal configuration file;
 * 2. a path: the option, `HANDOFF_TEMPORAL_PATH`;
 * 3. `temporal` on PATH;
 * 4. the cache;
 * 5. the Temporal SDK's download, into the cache;
 * 6. `go install`, into the cache.
 *
 * An address is not tried, and a path that was asked for and cannot be run is an error, not a reason to go on.
 *
 * @throws {HandoffError} `TEMPORAL_SERVER_NOT_FOUND`; `TEMPORAL_SERVER_INSTALL_FAILED` if an installation was tried;
 *   `TEMPORAL_CONFIG_INVALID` if the configuration file cannot be read
 */
export async function findServer(options: FindServerOptions = {}): Promise<FoundServer> {
  const { env = process.env, log = () => {}, allowInstall = true } = options;
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);

  const configured = configuredAddress({ address: options.address, env });
  if (configured !== undefined) return { kind: 'address', ...configured };

  const given = options.path ?? env.HANDOFF_TEMPORAL_PATH;
  if (given) {
    const how = options.path === undefined ? 'HANDOFF_TEMPORAL_PATH' : 'the path that was given';
    const path = resolve(given);
    if (await isExecutable(path)) return { kind: 'executable', path, how };
    throw serverError(
      'TEMPORAL_SERVER_NOT_FOUND',
      `${path} (${how}) is not a file that can be run. It should be the Temporal CLI.`,
    );
  }

  const onPath = await findOnPath('temporal', env);
  if (onPath !== undefined) return { kind: 'executable', path: onPath, how: 'on PATH' };

  const cached = cachedServerPath(cacheDir);
  if (await isExecutable(cached)) return { kind: 'executable', path: cached, how: 'our cache' };

  if (!allowInstall) throw serverError('TEMPORAL_SERVER_NOT_FOUND', notFound(['installing one was not allowed']));
  const installed = await installServer({ cacheDir, log, env });
  if ('failures' in installed) throw serverError('TEMPORAL_SERVER_INSTALL_FAILED', notFound(installed.failures));
  return { kind: 'executable', ...installed };
}

function notFound(reasons: string[]): string {
  return [
    `No Temporal server was found, and none could be installed: ${reasons.join('; ')}.`,
    'Any one of these helps:',
    '  - a server that runs: set TEMPORAL_ADDRESS=host:port, or an address in a profile of the Temporal configuration file',
    '  - a Temporal CLI that you have: set HANDOFF_TEMPORAL_PATH to its path, or put `temporal` on PATH',
    '  - internet: the Temporal SDK then downloads the Temporal CLI by itself',
    `  - Go 1.25 or later and its module proxy: it is then built by itself, as by \`go install github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}\``,
  ].join('\n');
}
