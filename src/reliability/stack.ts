import type { StorageOptions } from '../storage/storage.js';

/** A process of the stack that a fault can strike. */
export interface Victim {
  /** As a person knows it: `worker 2`, `the Temporal server`. */
  name: string;
  /** Of the process that is there now. */
  pid: number;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it is there and does nothing. */
  stop(): void;
  /** SIGCONT. */
  continue(): void;
  /** Starts it again after a kill, on the same address and data; resolves when it serves. */
  restart(): Promise<void>;
}

/** A worker process: the engine's, with the user's parts and those of the test. */
export interface WorkerVictim extends Victim {
  /** Milliseconds from its start until it polled. */
  upMs: number;
  /** Waits until it polls, as after the server was away. */
  untilPolling(): Promise<void>;
  /** SIGTERM: work in flight ends first; resolves when it is gone. */
  drain(): Promise<void>;
  /** Goes by other failpoints from now on. */
  rearm(failpoints: string): Promise<void>;
  /** As any victim's; `failpoints` takes the place of what it had until then. */
  restart(failpoints?: string): Promise<void>;
  /** Resolves with how it went, when the process that is there now is gone, for whatever reason. */
  gone(): Promise<NodeJS.Signals | number | null>;
  /** The last lines that it wrote to its log. */
  lastWords(): string;
}

/** Between the workers and the server: a TCP proxy that can spoil connections. */
export interface ProxyControl {
  /** `host:port` that workers connect to. */
  address: string;
  /** Connections that are open now. */
  open(): number;
  /** Resets every open connection; returns how many there were. */
  cut(): number;
  /** Delays each chunk by so many milliseconds in both directions; 0 ends it. */
  slow(ms: number): void;
  /** Half-open: takes what comes and passes nothing on, without closing; `false` ends it, by a reset of what was silent. */
  silent(on: boolean): void;
  /** Chunks that were delayed or swallowed so far: the evidence that a fault struck. */
  struck(): number;
  close(): Promise<void>;
}

/** Whether the agents of a test answer. Those that it plays ask before they accept, reject, complete or return. */
export interface AgentSwitch {
  /** Asked by a pretend agent that has something to answer; it asks again later where it may not. */
  mayAnswer(): boolean;
  silence(on: boolean): void;
  /** How often one was told to be silent: the evidence that a fault struck. */
  silenced(): number;
}

/** File systems of their own, small and in memory, so that a full one is really full and nothing else is. */
export interface Disks {
  /** Holds the database and contents: the storage's folder. */
  data: string;
  /** Holds what arrives, staging and undo copies: the storage's root. */
  root: string;
}

/**
 * The real processes that a reliability test runs handoffs on, all started by the test: workers, a proxy, and the server
 * where none was given. Its storage is a folder of the test's own.
 */
export interface Stack {
  /** What the test itself and its checker talk to, past the proxy. */
  address: string;
  namespace: string;
  /** What connections are made with: whatever a shell is connected to, only a server of the test's own may be killed. */
  env: NodeJS.ProcessEnv;
  taskQueue: string;
  storage: StorageOptions & { folder: string; root: string; sources: string[] };
  workers: WorkerVictim[];
  /** Absent where the server was given by `--address` and is not ours to kill. */
  server?: Victim;
  proxy?: ProxyControl;
  /** Absent where they were not asked for, or nobody may mount here. */
  disks?: Disks;
  agents: AgentSwitch;
  /** The file to which failpoints of all workers write: see `faults/failpoint.ts`. */
  failpointLog: string;
  /** The file that ends the `pause` of a failpoint, once it is there. */
  failpointRelease: string;
  /** What failpoints with a probability draw from. */
  seed: number;
  /** What all workers were told last, or started with. */
  failpoints(): string;
  /** Has every worker that is there go by other failpoints from now on, counted anew; so do those that are started later. */
  rearm(failpoints: string): Promise<void>;
  /** Waits until every worker polls. Throws DEADLINE_EXCEEDED after a minute. */
  untilServes(): Promise<void>;
  /** Ends all of it, however it stands, and removes its folder unless `keep`; one that was given stays. */
  close(keep?: boolean): Promise<void>;
}
