import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HandoffError } from '../core/errors.js';
import type { StepRef } from '../storage/steps.js';
import type { Storage } from '../storage/storage.js';

/** About as long as the server waits for a heartbeat: when a killed attempt's successor comes, its claim is over. */
const CLAIM_MS = 5000;
const RENEW_MS = 1000;
const POLL_MS = 100;

/**
 * Effects that one attempt has to itself while it shows that it lives. It renews as its work goes on, not by a timer: one
 * that hangs loses them, finds that out when it wakes, and stops.
 */
export class Claim {
  private renewedAt = Date.now();

  private constructor(
    private readonly storage: Storage,
    private readonly ref: StepRef,
    private readonly owner: string,
    private mine: number,
  ) {}

  /** Waits until no other attempt has any of them; `onWait` may throw. */
  static async take(storage: Storage, ref: StepRef, keys: readonly string[], onWait: () => void): Promise<Claim> {
    const owner = randomUUID();
    for (;;) {
      const mine = keys.length === 0 ? 0 : await storage.ledger.claimAll(keys, owner, CLAIM_MS);
      if (mine !== undefined) return new Claim(storage, ref, owner, mine);
      onWait();
      await storage.steps.check(ref);
      await sleep(POLL_MS);
    }
  }

  /** Throws STALE_EPOCH after a rollback, ACTION_FAILED where another attempt has taken over. */
  async renew(): Promise<void> {
    if (this.mine === 0 || Date.now() - this.renewedAt < RENEW_MS) return;
    await this.storage.steps.check(this.ref);
    const mine = await this.storage.ledger.renewAll(this.ref.handoff, this.owner, CLAIM_MS);
    if (mine < this.mine) throw takenOver();
    this.renewedAt = Date.now();
  }

  /** Whether it still has this one, at this moment. Throws as {@link renew}. */
  async holds(key: string): Promise<void> {
    await this.storage.steps.check(this.ref);
    if (!(await this.storage.ledger.renew(key, this.owner, CLAIM_MS))) throw takenOver();
  }

  /** One of them is applied, and needs no claim any more. */
  applied(): void {
    this.mine--;
  }

  async release(): Promise<void> {
    if (this.mine > 0) await this.storage.ledger.releaseAll(this.ref.handoff, this.owner);
  }
}

const takenOver = (): HandoffError =>
  new HandoffError('ACTION_FAILED', { action: 'transfer', why: 'another attempt has taken over' });
