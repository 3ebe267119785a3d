/**
 * The newest alerts that somebody has resolved, with who did what and when: what the list of open ones no longer shows, kept by the relay.
 */
import type { Alert, Pulsewire } from 'pulsewire';
import { journal } from './journal';
import { Value } from './value';

const SHOWN = 10;

export interface ResolvedAlert extends Alert {
  resolvedBy?: string;
  resolvedAt?: number;
  acknowledgedBy?: string;
  acknowledgedAt?: number;
}

export class Resolved {
  /** The newest resolution first. */
  readonly items = new Value<readonly ResolvedAlert[]>([]);
  #round = 0;

  constructor(
    readonly client: Pulsewire,
    /** Of one patient; of the whole ward where absent. */
    readonly patientId?: string,
  ) {}

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
      client.on('event', ({ event, data }) => {
        if (event === 'alert_updated') this.#take(data as ResolvedAlert & { state: string });
      }),
    ];
    return () => {
      this.#round += 1;
      for (const off of offs) off();
    };
  }

  #take(alert: ResolvedAlert & { state: string }): void {
    if (alert.state === 'resolved' && (this.patientId === undefined || alert.patientId === this.patientId)) this.#show([alert, ...this.items.get()]);
  }

  #show(alerts: readonly ResolvedAlert[]): void {
    const byId = new Map([...alerts].reverse().map((alert) => [alert.id, alert]));
    this.items.set([...byId.values()].sort((a, b) => (b.resolvedAt ?? 0) - (a.resolvedAt ?? 0)).slice(0, SHOWN));
  }

  async #load(): Promise<void> {
    const round = ++this.#round;
    try {
      const { items } = await this.client.call<{ items: ResolvedAlert[] }>('alerts.list', {
        state: 'resolved',
        limit: SHOWN,
        ...(this.patientId !== undefined && { patientId: this.patientId }),
      });
      // What was told while the list was on its way counts, too.
      if (round === this.#round) this.#show([...this.items.get(), ...items]);
    } catch (error) {
      if (round !== this.#round || this.client.connection.get().state !== 'connected') return;
      journal.add('bad', 'logError', { message: `alerts.list: ${error instanceof Error ? error.message : String(error)}` });
    }
  }
}
