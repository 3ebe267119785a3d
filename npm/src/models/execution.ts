/**
 * One long job: what is told of it live, and what the relay has stored of it where nothing was told yet; and asking to try again.
 */
import type { Schemas } from '../api/index.js';
import type { Execution, Pulsewire } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, shared } from './live.js';

/** Lines kept; older ones are the relay's (`executions.lines`). */
const MAX_LINES = 200;

/** A line of a job's log. */
export interface ExecutionLine {
  ts: number;
  level: string;
  text: string;
  attempt?: number;
}
/** A long job as it stands. */
export interface ExecutionViewState {
  execution?: Execution;
  /** What the backend calls it. */
  title?: string;
  /** What it wrote, oldest first; the newest 200. */
  log: readonly ExecutionLine[];
  status: LoadStatus;
  /** A retry is under way to the relay. */
  retrying: boolean;
  /** The code of a retry that failed. */
  error?: string;
}

/** The stored execution as its events tell it. */
function asTold({ log: _log, title: _title, error, ...execution }: Schemas['ExecutionDetail']): Execution {
  return error ? { ...execution, error: { ...error, detail: error.detail ?? undefined } } : execution;
}

/** What `openExecution` gives: an observable with `retry()`. */
export class ExecutionView extends Live<ExecutionViewState> {
  readonly #id: string;
  #stored: Execution | undefined;
  #round = 0;

  constructor(client: Pulsewire, id: string) {
    super(client, { status: 'loading', retrying: false, log: [] });
    this.#id = id;
  }

  protected start(): (() => void)[] {
    const held = this.client.channel(`execution:${this.#id}`);
    held.on<{ attempt?: number; lines?: readonly ExecutionLine[] }>('execution_log', ({ data: { attempt, lines = [] } }) => {
      this.#append(lines.map(line => ({ attempt, ...line })));
    });
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
      const stored = await this.client.call<Schemas['ExecutionDetail'] | null | undefined>('executions.get', { executionId: this.#id });
      if (round !== this.#round) return;
      const { log = [], title } = stored ?? {};
      this.#stored = stored ? asTold(stored) : undefined;
      this.patch({ status: 'ready', title, log: [] });
      this.#append(log);
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

  #append(lines: readonly ExecutionLine[]): void {
    if (lines.length > 0) this.patch({ log: [...this.get().log, ...lines].slice(-MAX_LINES) });
  }

  protected forget(): void {
    this.#stored = undefined;
    this.#round++;
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
