/**
 * One signed-in person's live ward: the client, its wire, what the page holds all the time, and which devices there are.
 *
 * Made anew for each person and destroyed with them, so that nothing of one nurse is left for the next.
 */
import { createPulsewire, type DeviceStatus, type Pulsewire, type Toast } from 'pulsewire';
import { identity, type Person } from './identity';
import { journal } from './journal';
import { patientHref } from './links';
import { Meter } from './meter';
import { WAVE_CAPACITY } from './metrics';
import { compareDevices, deviceOf } from './roster';
import { source } from './source';
import { Tokens } from './tokens';
import { Value } from './value';
import { Wire } from './wire';

/** How many past events of the ward and of the user are asked for on a first connect: alerts and read marks. */
const WARD_HISTORY = 100;
/** New devices are looked for this often, and whenever the dashboard counts another number. */
const DISCOVERY_EVERY_MS = 15_000;

export class Ward {
  readonly wire = new Wire();
  readonly tokens: Tokens;
  readonly client: Pulsewire;
  readonly meter: Meter;
  /** Why the token was refused, once it was for good. */
  readonly refused = new Value<string | undefined>(undefined);
  /** What kept the package from starting at all (no WASM, no WebSocket). */
  readonly failure = new Value<string | undefined>(undefined);
  /** Devices the relay told of; `undefined` until it did. */
  readonly listed = new Value<readonly string[] | undefined>(undefined);
  /** Whether this person works here; else it is a patient, with the own conversation alone. */
  readonly staff: boolean;
  #offs: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #asking = false;

  constructor(readonly person: Person) {
    this.staff = person.role !== 'patient';
    this.tokens = new Tokens(person, (reason, given) => journal.handleToken(reason, given));
    this.client = createPulsewire({
      url: '/ws',
      getToken: this.tokens.give,
      onUnauthorized: (reason) => {
        this.refused.set(reason);
      },
      onToastClick: openToast,
      WebSocket: this.wire.WebSocket,
      telemetry: { capacities: { ecg: WAVE_CAPACITY, ppg: WAVE_CAPACITY } },
      clientName: 'pulsewire-www',
    });
    const { client } = this;
    this.meter = new Meter(client, this.wire);
    // For the curious: the live client in the browser's console (`pulsewire.connection.get()`). The end-to-end tests read it, too.
    Object.assign(window, { pulsewire: client });
    // What concerns the whole ward is the staff's: a patient's token does not open it.
    const everyone = this.staff ? client.channel('tenant', { history: WARD_HISTORY }) : undefined;
    const own = client.channel(`user:${person.user}`, { history: WARD_HISTORY });
    let counted = -1;
    this.#offs.push(
      journal.follow(client, this.wire),
      () => everyone?.release(),
      () => own.release(),
      client.connection.subscribe((status) => {
        if (status.state === 'connected') {
          this.refused.set(undefined);
          void this.#discover();
        }
      }),
      client.dashboardStats.subscribe((stats) => {
        if (stats && stats.devices !== counted) {
          counted = stats.devices;
          void this.#discover();
        }
      }),
    );
    this.#timer = setInterval(() => void this.#discover(), DISCOVERY_EVERY_MS);
    client.connect().catch((error: unknown) => {
      this.failure.set(error instanceof Error ? error.message : String(error));
    });
  }

  destroy(): void {
    clearInterval(this.#timer);
    for (const off of this.#offs) off();
    this.meter.destroy();
    this.wire.destroy();
    this.client.destroy();
  }

  async #discover(): Promise<void> {
    if (!this.staff || this.#asking || this.client.connection.get().state !== 'connected') return;
    this.#asking = true;
    try {
      const { items } = await this.client.call<{ items: { deviceId: string }[] }>('devices.list', {});
      this.#setListed(items.map((item) => item.deviceId));
    } catch (error) {
      // Lost with the connection, or refused: what was known stands, and the next round asks again.
      if (this.client.connection.get().state !== 'connected') return;
      if (this.listed.get() === undefined) this.listed.set([]);
      journal.add('bad', 'logError', { message: `devices.list: ${error instanceof Error ? error.message : String(error)}` });
    } finally {
      this.#asking = false;
    }
  }

  #setListed(ids: string[]): void {
    ids.sort(compareDevices);
    // The same list keeps its identity, so that nothing below is drawn or subscribed anew.
    if (this.listed.get()?.join() !== ids.join()) this.listed.set(ids);
  }
}

/** Everything known: what the relay listed, and whatever reported a status on a channel this page holds. */
export function devicesOf(listed: readonly string[] | undefined, statuses: Readonly<Record<string, DeviceStatus>>): string[] {
  return [...new Set([...(listed ?? []), ...Object.keys(statuses)])].sort(compareDevices);
}

function openToast(toast: Toast): void {
  const device = toast.deviceId ?? (toast.patientId === undefined ? undefined : deviceOf(toast.patientId));
  if (device !== undefined) location.assign(patientHref(device));
}

class Current {
  readonly ward = new Value<Ward | undefined>(undefined);

  start(person: Person): void {
    void source.ask();
    this.ward.get()?.destroy();
    identity.become(person);
    this.ward.set(new Ward(person));
  }
}

export const current = new Current();
