/** One function per library: connects, subscribes to every device, and shows what comes. Bundled as an app is, minified. */
import { Centrifuge } from 'centrifuge';
import { io } from 'socket.io-client';
import * as msgpackParser from 'socket.io-msgpack-parser';
import { CAPACITY, DEVICES, METRIC } from '../lib/stream.mjs';
import { show } from './page.js';
import { Rings } from './ring.js';

const devices = Array.from({ length: DEVICES }, (_, i) => `bed-${i}`);
const socketUrl = () => location.origin.replace('http', 'ws');

const libraries = {
  /** Gets nothing. */
  none: () => show([], () => undefined),

  /** Takes every frame out of its event, and throws it away. */
  bare() {
    const socket = new WebSocket(socketUrl());
    socket.binaryType = 'arraybuffer';
    let bytes = 0;
    socket.onmessage = ({ data }) => {
      bytes += data.byteLength ?? data.length;
      globalThis.bytes = bytes;
    };
    show([], () => undefined);
  },

  async pulsewire() {
    const { createPulsewire } = await import('/pulsewire/dist/index.js');
    const part = value => btoa(JSON.stringify(value)).replace(/=+$/, '');
    const token = [part({ alg: 'HS256' }), part({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 }), 'sig'].join('.');
    const client = createPulsewire({ getToken: () => token, telemetry: { capacity: CAPACITY } });
    const series = new Map(devices.map(device => [device, client.telemetry(device, METRIC)]));
    const { changed } = show(devices, device => series.get(device).view());
    for (const [device, handle] of series) handle.listen(() => changed(device));
    await client.connect();
  },

  centrifuge() {
    const rings = new Rings(CAPACITY);
    const { changed } = show(devices, device => rings.view(device, METRIC));
    const client = new Centrifuge(`${socketUrl()}/connection/websocket`);
    for (const device of devices) {
      const subscription = client.newSubscription(`device:${device}`);
      subscription.on('publication', ({ data }) => {
        rings.take(data);
        changed(data.deviceId);
      });
      subscription.subscribe();
    }
    client.connect();
  },

  socketio() {
    const rings = new Rings(CAPACITY);
    const { changed } = show(devices, device => rings.view(device, METRIC));
    io(location.origin, { transports: ['websocket'] }).on('telemetry', data => {
      rings.take(data);
      changed(data.deviceId);
    });
  },

  socketioMsgpack() {
    const rings = new Rings(CAPACITY);
    const { changed } = show(devices, device => rings.view(device, METRIC));
    io(location.origin, { transports: ['websocket'], parser: msgpackParser }).on('telemetry', data => {
      for (const columns of Object.values(data.series)) {
        columns.t = new Float64Array(columns.t);
        columns.v = new Float64Array(columns.v);
      }
      rings.take(data);
      changed(data.deviceId);
    });
  },
};

export const start = library => void libraries[library]();
