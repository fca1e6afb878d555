import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import type { ClientOptions, ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { serverError } from './server-errors.js';

const DEFAULT_ADDRESS = '127.0.0.1:7233';
const DEFAULT_NAMESPACE = 'default';
const CONNECT_TIMEOUT_MS = 5_000;

export interface ConnectOverrides {
  /** `host:port`. Default: `TEMPORAL_ADDRESS`, the profile's, `127.0.0.1:7233`. */
  address?: string;
  /** Default: `TEMPORAL_NAMESPACE`, the profile's, `default`. */
  namespace?: string;
  /** The profile of the Temporal configuration file. Default: `TEMPORAL_PROFILE`, `default`. */
  profile?: string;
  /** How long to wait for an answer, in milliseconds. Default: 5,000. */
  timeoutMs?: number;
  /** Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
}

export interface TemporalConnectOptions {
  /** For `Connection.connect` and for `NativeConnection.connect`. */
  connection: ClientConnectConfig['connectionOptions'] & { address: string };
  /** For `Client` and `Worker`. */
  namespace: string;
}

/** The loader stumbles over a file without any profile, such as an empty one; it says no more than no file at all. */
function load(options: Parameters<typeof loadClientConnectConfig>[0]): ClientConnectConfig {
  try {
    return loadClientConnectConfig(options);
  } catch (error) {
    if (!(error instanceof TypeError) || options?.profile) throw error;
    return loadClientConnectConfig({ ...options, disableFile: true });
  }
}

function loadConfig({ profile, env = process.env }: ConnectOverrides): ClientConnectConfig {
  // The loader takes an empty variable for a value: `TEMPORAL_ADDRESS= handoff …` would connect to nowhere.
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  try {
    return load({ profile, overrideEnvVars: Object.fromEntries(set) });
  } catch (cause) {
    throw serverError(
      'TEMPORAL_CONFIG_INVALID',
      `The Temporal configuration could not be read: ${(cause as Error).message}. ` +
        'It is the file that TEMPORAL_CONFIG_FILE names (by default temporalio/temporal.toml in the configuration folder), ' +
        'with a table [profile.<name>] for each profile, and the TEMPORAL_* variables.',
      { cause },
    );
  }
}

/**
 * The address that somebody configured, and where; `undefined` if nobody did.
 *
 * @throws {HandoffError} `TEMPORAL_CONFIG_INVALID`
 */
export function configuredAddress(overrides: ConnectOverrides = {}): { address: string; how: string } | undefined {
  if (overrides.address) return { address: overrides.address, how: 'the address that was given' };
  const { env = process.env, profile = env.TEMPORAL_PROFILE || 'default' } = overrides;
  const address = loadConfig(overrides).connectionOptions.address;
  if (!address) return undefined;
  return {
    address,
    how: env.TEMPORAL_ADDRESS ? 'TEMPORAL_ADDRESS' : `profile "${profile}" of the Temporal configuration file`,
  };
}

/**
 * What it takes to connect: the overrides, else the `TEMPORAL_*` variables, else the TOML profile, else the defaults.
 * TLS, API key and gRPC metadata come from the variables and the profile.
 *
 * @throws {HandoffError} `TEMPORAL_CONFIG_INVALID`
 */
export function connectOptions(overrides: ConnectOverrides = {}): TemporalConnectOptions {
  const { connectionOptions, namespace } = loadConfig(overrides);
  return {
    connection: { ...connectionOptions, address: overrides.address || connectionOptions.address || DEFAULT_ADDRESS },
    namespace: overrides.namespace || namespace || DEFAULT_NAMESPACE,
  };
}

/** gRPC sends even loopback traffic through `http_proxy`, where no server of ours is. */
export function channelArgsFor(address: string): ConnectionOptions['channelArgs'] {
  return /^(localhost|127\.[\d.]+|\[::1\]):/.test(address) ? { 'grpc.enable_http_proxy': 0 } : {};
}

export interface ConnectedClient {
  connection: Connection;
  client: Client;
  namespace: string;
  address: string;
}

/**
 * Connects a client. Close it by `connection.close()`.
 *
 * @param clientOptions what the `Client` gets besides connection and namespace, such as a data converter
 * @throws {HandoffError} `TEMPORAL_UNREACHABLE` without an answer in time, or when the server refuses us;
 *   `TEMPORAL_CONFIG_INVALID`
 */
export async function connectClient(
  overrides: ConnectOverrides = {},
  clientOptions: Omit<ClientOptions, 'connection' | 'namespace'> = {},
): Promise<ConnectedClient> {
  const { connection: options, namespace } = connectOptions(overrides);
  const { address } = options;
  try {
    const connection = await Connection.connect({
      ...options,
      channelArgs: channelArgsFor(address),
      connectTimeout: overrides.timeoutMs ?? CONNECT_TIMEOUT_MS,
    });
    return { connection, client: new Client({ ...clientOptions, connection, namespace }), namespace, address };
  } catch (cause) {
    const { message } = cause as Error;
    throw serverError(
      'TEMPORAL_UNREACHABLE',
      `The Temporal server at ${address} ${isGrpcServiceError(cause) ? 'refused the connection' : 'could not be reached'} (${message}). ` +
        'Start one there with `handoff dev`, or name another: TEMPORAL_ADDRESS=host:port, or an address in a profile of the Temporal configuration file.',
      { cause },
    );
  }
}
