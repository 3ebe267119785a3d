/** Channel handles: what the page holds, whether or not there is a core to tell it to. */

import { PulsewireError } from './errors.js';
import { randomId } from './ids.js';
import { callAll, Source } from './observable.js';
import type { Requests } from './requests.js';
import type { ChannelEvent, ChannelHandle, ChannelState, Delivery, HeldChannel, PublishOptions, SubscribeOptions } from './types.js';
import { type Core, json } from './core.js';

type Run = (event: ChannelEvent<never>) => void;

/** Everything that is shared by the handles of one channel. */
interface Channel {
  readonly holds: Set<SubscribeOptions>;
  readonly state: Source<ChannelState>;
  /** By event name; `*` for all. */
  readonly listeners: Map<string, Set<Run>>;
}

/** How far a channel has come, for the case that the wasm fails. */
interface Place {
  epoch: string;
  offset: number;
}
/** Between two readings of all places. */
const PLACES_EVERY_MS = 1_000;

const WAITING: ChannelState = { phase: 'waiting', epoch: '', offset: 0 };

export class Channels {
  readonly #core: () => Core | undefined;
  readonly #requests: Requests;
  readonly #channels = new Map<string, Channel>();
  readonly #early: () => boolean;
  /** As of the last reading; of a channel that is listened to also of the last event. */
  readonly #places = new Map<string, Place>();
  #placesReadAt = 0;

  constructor(core: () => Core | undefined, requests: Requests, early: () => boolean) {
    this.#core = core;
    this.#requests = requests;
    this.#early = early;
  }

  hold(name: string, options: SubscribeOptions): ChannelHandle {
    const channel = this.#channel(name);
    // An object of its own, so that equal options of two holders count twice.
    const hold = { ...options };
    channel.holds.add(hold);
    try {
      this.#core()?.subscribe(name, hold.history, hold.maxHz);
    } catch (error) {
      channel.holds.delete(hold);
      throw error;
    }
    const ends = new Set<() => void>();
    let released = false;
    return {
      name,
      state: channel.state,
      on: (event: string, run: Run) => {
        const end = this.#listen(name, channel, event, run);
        ends.add(end);
        return () => {
          ends.delete(end);
          end();
        };
      },
      publish: (event, data, publishOptions) => this.publish(name, event, data, publishOptions ?? {}),
      release: () => {
        if (released) return;
        released = true;
        for (const end of ends) end();
        channel.holds.delete(hold);
        this.#core()?.release(name);
        this.#forgetUnused(name, channel);
      },
    };
  }

  publish(channel: string, event: string, data: unknown, { key = randomId(), queue = true }: PublishOptions): Delivery {
    // Written down now: what waits must not change with the page's object.
    let text: string | undefined;
    let unwritable: unknown;
    try {
      text = json(data);
    } catch (error) {
      unwritable = error;
    }
    const send = (core: Core, request: number) => {
      if (text === undefined) throw unwritable;
      core.publish(request, channel, event, text, key, queue);
    };
    return this.#requests.publish(this.#core(), send, queue, this.#early());
  }

  /** Every channel that is held, for tools that look in. */
  list(): HeldChannel[] {
    return [...this.#channels].map(([name, { holds, state }]) => ({ name, holds: holds.size, ...state.get() }));
  }
  /** Every hold, for the flight recorder. */
  held(): ({ name: string } & SubscribeOptions)[] {
    return [...this.#channels].flatMap(([name, { holds }]) => [...holds].map(({ history, maxHz }) => ({ name, history, maxHz })));
  }
  /** A fresh core: it is told every hold, and where the channels stood in the one before. */
  start(core: Core): void {
    for (const [name, { epoch, offset }] of this.#places) {
      // Held before the place is told, so that there is something to tell it of, and before the holds' own wishes, so that the
      // history they want is asked for behind what was missed. Without a hold of the page it is one of the relay's own channels.
      core.subscribe(name);
      core.resume(name, epoch, offset);
    }
    for (const [name, channel] of this.#channels) {
      for (const hold of channel.holds) core.subscribe(name, hold.history, hold.maxHz);
      if (channel.listeners.size > 0) core.listen(name, true);
      if (this.#places.has(name) && channel.holds.size > 0) core.release(name);
    }
    this.#places.clear();
    this.#placesReadAt = 0;
  }

  /** Reads how far every channel has come, now and then: `own` are those that the relay joins by itself. */
  remember(own: readonly string[]): void {
    const core = this.#core();
    const now = Date.now();
    if (core === undefined || (now >= this.#placesReadAt && now < this.#placesReadAt + PLACES_EVERY_MS)) return;
    this.#placesReadAt = now;
    this.#places.clear();
    for (const name of new Set([...own, ...this.#channels.keys()])) {
      const state = core.channelState(name);
      if (state !== undefined && state.epoch !== '') this.#places.set(name, { epoch: state.epoch, offset: state.offset });
    }
  }

  deliver(event: ChannelEvent): void {
    // So that what a listener had does not come again, should the wasm fail. If the epoch was another one, the relay will say so.
    const place = this.#places.get(event.channel);
    if (place !== undefined && event.offset !== undefined) place.offset = event.offset;
    const listeners = this.#channels.get(event.channel)?.listeners;
    if (listeners === undefined) return;
    for (const name of [event.event, '*']) {
      const runs = listeners.get(name);
      if (runs !== undefined) callAll(runs, event as ChannelEvent<never>);
    }
  }

  changed(): void {
    for (const channel of [...this.#channels.values()]) channel.state.changed();
  }

  #channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = {
        holds: new Set(),
        state: new Source<ChannelState>(() => this.#core()?.channelState(name) ?? WAITING),
        listeners: new Map(),
      };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  #listen(name: string, channel: Channel, event: string, run: Run): () => void {
    if (typeof run !== 'function')
      throw new PulsewireError({ code: 'bad_argument', message: 'on() needs a function as its second argument' });
    const listener: Run = got => run(got);
    let listeners = channel.listeners.get(event);
    if (listeners === undefined) {
      listeners = new Set();
      channel.listeners.set(event, listeners);
    }
    listeners.add(listener);
    this.#core()?.listen(name, true);
    const set = listeners;
    return () => {
      if (!set.delete(listener) || set.size > 0) return;
      channel.listeners.delete(event);
      if (channel.listeners.size === 0) this.#core()?.listen(name, false);
    };
  }

  #forgetUnused(name: string, channel: Channel): void {
    if (channel.holds.size === 0 && this.#channels.get(name) === channel) this.#channels.delete(name);
  }
}
