/**
 * How each library is spoken to: the frames of its own protocol, encoded before the clock runs.
 *
 * A protocol has `answer(frame, send)`, which returns true once the page has subscribed to all, and `frame(message)`, the frame of one
 * publication. Where its server puts several into a frame it has `join(frames)` and says how many or how long (`mostMessages`, `mostBytes`).
 * The data of the JSON protocols are columns too (`{ t: […], v: […] }`): objects per point would cost them more.
 */
import { decode, encode } from 'cborg';
import msgpack from 'notepack.io';
import { DEVICES, deviceOf, METRIC, pointsOf } from './stream.mjs';

const map = fields => new Map(Object.entries(fields).map(([key, value]) => [Number(key), value]));

/**
 * A column of RFC 8746, as the relay writes it: tag 86 (two bytes) on a byte string of little-endian float64.
 *
 * cborg writes no tags of its own, so a column goes in as a plain byte string, found again by its place at the end of what was written.
 */
const column = numbers => new Uint8Array(Float64Array.from(numbers).buffer);
const TAG_86 = [0xd8, 0x56];

/** Puts the tag before each byte string of these lengths, in the order in which they were written. */
function withColumns(plain, columns) {
  const out = [];
  let from = 0;
  for (const bytes of columns) {
    const at = plain.findIndex((_, index) => index >= from + 2 && bytes.every((byte, i) => plain[index + i] === byte));
    // Two bytes of head: a length of 24 to 255.
    if (at < 0 || plain[at - 2] !== 0x58) throw new Error('no column of 24 to 255 bytes where one was written');
    out.push(...plain.subarray(from, at - 2), ...TAG_86);
    from = at - 2;
  }
  out.push(...plain.subarray(from));
  return new Uint8Array(out);
}

function joinedBytes(frames) {
  const joined = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    joined.set(frame, at);
    at += frame.length;
  }
  return joined;
}

function pulsewire() {
  const offsets = new Map();
  return {
    binary: true,
    // server/src/hub/wire.rs
    mostBytes: 32 * 1024,
    join: joinedBytes,
    answer(frame, send) {
      const message = decode(new Uint8Array(frame), { useMaps: true });
      if (message.get(0) !== 1) return false;
      const now = Date.now();
      const limits = map({ 1: 65_536, 2: 256, 3: 50, 4: 1_048_576 });
      const subscribed = message.get(4).map(entry => map({ 2: entry.get(1), 3: 'e', 4: 0, 5: true, 6: [], 7: [] }));
      const welcome = { 0: 1, 1: message.get(1), 2: 'c', 3: 'n', 4: 'ana', 5: 'ward', 6: now, 7: 30_000, 8: 60_000, 9: now + 3_600_000 };
      send(encode(map({ ...welcome, 10: limits, 11: subscribed })));
      return subscribed.length === DEVICES;
    },
    frame(message) {
      const device = deviceOf(message);
      const { t, v } = pointsOf(message);
      const offset = (offsets.get(device) ?? 0) + 1;
      offsets.set(device, offset);
      const columns = [column(t), column(v)];
      const series = new Map([[METRIC, map({ 1: columns[0], 2: columns[1], 3: 'mV' })]]);
      const fields = { 0: 4, 1: `device:${device}`, 2: 2, 3: t.at(-1), 4: map({ 1: device, 2: series }), 5: offset };
      return withColumns(encode(map(fields)), columns);
    },
  };
}

const data = message => ({ deviceId: deviceOf(message), series: { [METRIC]: { ...pointsOf(message), unit: 'mV' } } });

/** Centrifugo's bidirectional JSON protocol. What waits goes together, by default up to 16 messages. */
function centrifuge() {
  let subscribed = 0;
  return {
    binary: false,
    mostMessages: 16,
    join: frames => frames.join('\n'),
    answer(frame, send) {
      const replies = [];
      for (const line of String(frame).split('\n').filter(Boolean)) {
        const command = JSON.parse(line);
        if (command.connect) replies.push({ id: command.id, connect: { client: 'c', version: '6', ping: 25, pong: true } });
        if (command.subscribe) {
          replies.push({ id: command.id, subscribe: {} });
          subscribed += 1;
        }
      }
      if (replies.length > 0) send(replies.map(reply => JSON.stringify(reply)).join('\n'));
      return subscribed === DEVICES;
    },
    frame: message => JSON.stringify({ push: { channel: `device:${deviceOf(message)}`, pub: { data: data(message) } } }),
  };
}

/** Engine.IO 4 and Socket.IO 5 over a WebSocket, as `io.emit('telemetry', data)` writes it: a packet is a frame. */
function socketio() {
  return {
    binary: false,
    opened: send => send(`0${JSON.stringify({ sid: 'e', upgrades: [], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 })}`),
    answer(frame, send) {
      if (!String(frame).startsWith('40')) return false;
      send(`40${JSON.stringify({ sid: 's' })}`);
      return true;
    },
    frame: message => `42${JSON.stringify(['telemetry', data(message)])}`,
  };
}

/** The same with `socket.io-msgpack-parser`, which its documentation recommends for binary data: columns of float64. */
function socketioMsgpack() {
  const bytes = numbers => Float64Array.from(numbers).buffer;
  return {
    ...socketio(),
    binary: true,
    answer(frame, send) {
      if (typeof frame === 'string') return false;
      send(new Uint8Array(msgpack.encode({ type: 0, nsp: '/', data: { sid: 's' } })));
      return true;
    },
    frame(message) {
      const { t, v } = pointsOf(message);
      const data = { deviceId: deviceOf(message), series: { [METRIC]: { t: bytes(t), v: bytes(v), unit: 'mV' } } };
      return new Uint8Array(msgpack.encode({ type: 2, nsp: '/', data: ['telemetry', data] }));
    },
  };
}

/** By name; `bare-` before it: a page that subscribes to nothing and gets the same frames. */
export function named(name) {
  const [, bare, of] = /^(bare-)?(.*)$/.exec(name);
  const protocol = { pulsewire, centrifuge, socketio, socketioMsgpack }[of]();
  return bare ? { ...protocol, opened: () => 'ready', answer: () => true } : protocol;
}
