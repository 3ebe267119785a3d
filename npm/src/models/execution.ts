/**
 * One long job: what is told of it live, and what the relay has stored of it where nothing was told yet; and asking to try again.
 */
import type { Execution, Pulsewire } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, shared } from './live.js';

export interface ExecutionViewState {
  execution?: Execution;
  status: LoadStatus;
  /** A retry is under way to the relay. */
  retrying: boolean;
  /** The code of a retry that failed. */
  error?: string;
}

export class ExecutionView extends Live<ExecutionViewState> {
  readonly #id: string;
  #stored: Execution | undefined;
  #round = 0;

  constructor(client: Pulsewire, id: string) {
    super(client, { status: 'loading', retrying: false });
    this.#id = id;
  }

  protected start(): (() => void)[] {
    const held = this.client.channel(`execution:${this.#id}`);
    this.#merge();
    return [
      () => held.release(),
      this.client.executions.listen(() => this.#merge()),
      this.client.on('resync', ({ channel }) => {
        if (channel === held.name) void this.reload();
      }),
      this.onConnected(() => void this.reload()),
    ];
  }

  async reload(): Promise<void> {
    const round = ++this.#round;
    try {
      const stored = await this.client.call<Execution | undefined>('executions.get', { executionId: this.#id });
      if (round !== this.#round) return;
      this.#stored = stored ?? undefined;
      this.patch({ status: 'ready' });
    } catch (error) {
      if (round === this.#round) this.patch({ status: isAbsent(error) ? 'absent' : 'error' });
    }
    this.#merge();
  }

  /** Asks whoever runs it to try again. */
  async retry(): Promise<boolean> {
    if (this.get().retrying) return false;
    this.patch({ retrying: true, error: undefined });
    try {
      await this.client.call('executions.retry', { executionId: this.#id }).catch((error: unknown) => {
        // A relay without a store passes the wish on all the same.
        if (!isAbsent(error)) throw error;
        return this.client.retryExecution(this.#id);
      });
      return true;
    } catch (error) {
      this.patch({ error: codeOf(error) });
      return false;
    } finally {
      this.patch({ retrying: false });
    }
  }

  #merge(): void {
    const live = this.client.executions.get()[this.#id];
    const stored = this.#stored;
    // What is told live is newer, but for a state that was stored after it.
    this.patch({ execution: live && stored ? (stored.ts > live.ts ? stored : live) : (live ?? stored) });
  }
}

/** A long job; the same one for all who ask for the same. */
export const openExecution = (client: Pulsewire, id: string): ExecutionView =>
  shared(client, `execution ${id}`, () => new ExecutionView(client, id));
