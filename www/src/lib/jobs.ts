/**
 * Reports of a patient, as executions: long jobs that a worker outside the relay does (`examples/worker-node`), seen by whoever looks.
 *
 * The button asks as the hospital's backend would, over HTTP; everything after that (steps, log lines, the failure, the second attempt) is told by
 * the worker through the relay. Which patient a report is of stands in its id.
 */
import type { Execution, Pulsewire } from 'pulsewire';
import { postExecution } from './ingest';
import { journal } from './journal';
import { Value } from './value';

const LISTED = 100;
/** So long a report may wait before the page says that there seems to be no worker. */
const PATIENCE_MS = 6_000;

interface Listed extends Execution {
  title?: string;
  createdAt?: number;
}

/** Whether somebody is at it, or will be. */
export const isUnderWay = (execution: Execution | undefined): boolean => execution !== undefined && execution.status !== 'succeeded' && execution.status !== 'failed';

export class Reports {
  /** The newest report's id; `undefined` where there is none. */
  readonly newest = new Value<string | undefined>(undefined);
  /** Asked for, and not yet accepted. */
  readonly asking = new Value(false);
  /** Nobody has begun the newest one for a while. */
  readonly unheard = new Value(false);
  readonly #prefix: string;
  #round = 0;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly client: Pulsewire,
    readonly patientId: string,
  ) {
    this.#prefix = `report-${patientId}-`;
  }

  /** Follows the relay until the answer is called. */
  watch(): () => void {
    const { client } = this;
    let connection: string | undefined;
    const look = (): void => {
      const { state, connectionId } = client.connection.get();
      if (state !== 'connected' || connection === connectionId) return;
      connection = connectionId;
      void this.#load();
    };
    look();
    const offs = [
      client.connection.listen(look),
      // Somebody else's button, too.
      client.on('event', ({ event }) => {
        if (event === 'execution_new') void this.#load();
      }),
      client.executions.listen(() => this.#wait()),
      this.newest.listen(() => this.#wait()),
    ];
    return () => {
      this.#round += 1;
      clearTimeout(this.#patience);
      for (const off of offs) off();
    };
  }

  /** Asks for a report. */
  async start(title: string): Promise<void> {
    if (this.asking.get()) return;
    this.asking.set(true);
    try {
      // `randomUUID` is missing on pages without TLS that are not of this machine.
      const random = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, '0')).join('');
      const executionId = `${this.#prefix}${random}`;
      await postExecution(executionId, title);
      this.newest.set(executionId);
      journal.add('plain', 'logAccepted', { what: title });
    } catch (error) {
      journal.add('bad', 'logRefused', { what: `${title}: ${error instanceof Error ? error.message : String(error)}` });
    } finally {
      this.asking.set(false);
    }
  }

  #wait(): void {
    clearTimeout(this.#patience);
    const id = this.newest.get();
    const told = id === undefined ? undefined : this.client.executions.get()[id];
    const waits = id !== undefined && (told === undefined || told.status === 'queued' || told.status === 'retrying');
    if (!waits) this.unheard.set(false);
    else this.#patience = setTimeout(() => this.unheard.set(true), PATIENCE_MS);
  }

  async #load(): Promise<void> {
    const round = ++this.#round;
    try {
      const { items } = await this.client.call<{ items: Listed[] }>('executions.list', { limit: LISTED });
      if (round !== this.#round) return;
      const newest = items.find(({ executionId }) => executionId.startsWith(this.#prefix))?.executionId;
      // A busy ward's newest may all be of others: what is known stays.
      if (newest !== undefined) this.newest.set(newest);
    } catch (error) {
      if (round !== this.#round || this.client.connection.get().state !== 'connected') return;
      journal.add('bad', 'logError', { message: `executions.list: ${error instanceof Error ? error.message : String(error)}` });
    }
  }
}
