/** Channel handles: what the page holds, whether or not there is a core to tell it to. */

import { PulsewireError } from './errors.js';
import { callAll, Source } from './observable.js';
import type { Requests } from './requests.js';
import type { ChannelEvent, ChannelHandle, ChannelState, PublishOptions, PublishResult, SubscribeOptions } from './types.js';
import type { Core } from './core.js';

type Run = (event: ChannelEvent<never>) => void;

/** Everything that is shared by the handles of one channel. */
interface Channel {
  readonly holds: Set<SubscribeOptions>;
  readonly state: Source<ChannelState>;
  /** By event name; `*` for all. */
  readonly listeners: Map<string, Set<Run>>;
}

const WAITING: ChannelState = { phase: 'waiting', epoch: '', offset: 0 };

export class Channels {
  readonly #core: () => Core | undefined;
  readonly #requests: Requests;
  readonly #channels = new Map<string, Channel>();

  constructor(core: () => Core | undefined, requests: Requests) {
    this.#core = core;
    this.#requests = requests;
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
      on: (event, run) => {
        const end = this.#listen(name, channel, event, run as Run);
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

  publish(channel: string, event: string, data: unknown, options: PublishOptions): Promise<PublishResult> {
    return this.#requests
      .make<number>(this.#core(), (core, request) => core.publish(request, channel, event, data, options.key ?? crypto.randomUUID()))
      .then(offset => ({ offset }));
  }

  /** A fresh core: it is told every hold. */
  start(core: Core): void {
    for (const [name, channel] of this.#channels) {
      for (const hold of channel.holds) core.subscribe(name, hold.history, hold.maxHz);
      if (channel.listeners.size > 0) core.listen(name, true);
    }
  }

  deliver(event: ChannelEvent): void {
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
