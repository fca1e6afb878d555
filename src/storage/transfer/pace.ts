import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long, and how much, is done at a stretch before signals and heartbeats are heard. */
const SLICE_MS = 20;
const SLICE_BYTES = 16 << 20;
const SLICE_FILES = 100;

/** The pace of work that ends when its signal is aborted, with the signal's reason. */
export const paceFor = (signal: AbortSignal): Pace => new Pace(() => signal.throwIfAborted());

/** Cuts synchronous work into slices: between two of them the event loop turns, and `onRest` may end the work by throwing. */
export class Pace {
  private began = performance.now();
  private bytes = 0;
  private files = 0;
  /** Bytes and files done since the beginning, those of earlier attempts included. */
  readonly done = { bytes: 0, files: 0 };
  /** Called before the work may end. */
  beforeRest: () => void = () => {};
  /** Whether anything was done that no earlier attempt had done: at all, and since the last rest. */
  progressed = false;
  fresh = false;

  constructor(private readonly onRest: () => Promise<void> | void = () => {}) {}

  /** Counts what was done; true: it is time for {@link rest}. */
  did(bytes: number, files = 0, isNew = true): boolean {
    if (isNew && bytes + files > 0) this.progressed = this.fresh = true;
    this.bytes += bytes;
    this.files += files;
    this.done.bytes += bytes;
    this.done.files += files;
    return this.bytes >= SLICE_BYTES || this.files >= SLICE_FILES || performance.now() - this.began >= SLICE_MS;
  }

  async rest(): Promise<void> {
    this.beforeRest();
    await this.onRest();
    await nextTurn();
    this.fresh = false;
    this.began = performance.now();
    this.bytes = 0;
    this.files = 0;
  }
}
