//! The driver in a real browser: sockets, timers, page signals and views, against a fake WebSocket.
//!
//! Run by `wasm-pack test --headless --chrome client-wasm` or `cargo xtask test --only wasm`.
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![cfg(target_family = "wasm")]

use js_sys::{Array, Float64Array, Function, Promise, Reflect, Uint8Array};
use pulsewire_client_wasm::WasmClient;
use pulsewire_protocol::cbor;
use pulsewire_protocol::{ClientMessage, Column, Event, Known, Limits, Publication, Series, SeriesMap};
use pulsewire_protocol::{ServerMessage, Subscribed, SubscribedEntry, Telemetry, UnixMs, Welcome};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(inline_js = r#"
export function makeWorld() {
  const world = { sockets: [], log: [], listeners: 0, timers: new Set(), maxTimers: 0 };
  world.WebSocket = class {
    constructor(url, protocol) { this.url = url; this.protocol = protocol; this.sent = []; world.sockets.push(this); }
    send(data) { this.sent.push(new Uint8Array(data)); }
    close(code) { this.closed ??= code ?? 1005; }
  };
  const log = name => (...args) => { world.log.push([name, ...args]); world.hook?.(name, ...args); };
  const names = ['changed', 'event', 'resync', 'error', 'settled', 'failed', 'requestToken', 'unauthorized', 'toastShown', 'toastClicked'];
  world.callbacks = { tell: (kind, number, ...rest) => log(names[kind - 7] ?? 'outside')(number, ...rest) };
  // Watch what the client starts on the page.
  world.real = { add: EventTarget.prototype.addEventListener, remove: EventTarget.prototype.removeEventListener, set: setTimeout.bind(globalThis), clear: clearTimeout.bind(globalThis) };
  EventTarget.prototype.addEventListener = function (...a) { world.listeners++; return world.real.add.apply(this, a); };
  EventTarget.prototype.removeEventListener = function (...a) { world.listeners--; return world.real.remove.apply(this, a); };
  globalThis.setTimeout = (run, ms) => {
    const id = world.real.set(() => { world.timers.delete(id); run(); }, ms);
    world.timers.add(id); world.maxTimers = Math.max(world.maxTimers, world.timers.size);
    return id;
  };
  globalThis.clearTimeout = id => { world.timers.delete(id); world.real.clear(id); };
  return world;
}
export function restore(world) {
  EventTarget.prototype.addEventListener = world.real.add;
  EventTarget.prototype.removeEventListener = world.real.remove;
  globalThis.setTimeout = world.real.set;
  globalThis.clearTimeout = world.real.clear;
}
export function socketCount(world) { return world.sockets.length; }
export function handlers(world, i) { const s = world.sockets[i]; return [s.onopen, s.onmessage, s.onclose].filter(h => typeof h === 'function').length; }
export function closedWith(world, i) { return world.sockets[i].closed; }
export function opened(world, i) { world.sockets[i].onopen(); }
export function frame(world, i, data) { world.sockets[i].onmessage({ data }); }
export function dropped(world, i, code, reason) { world.sockets[i].onclose({ code, reason }); }
export function sent(world, i, n) { return world.sockets[i].sent[n]; }
export function sentCount(world, i) { return world.sockets[i].sent.length; }
export function told(world, name) { return world.log.filter(entry => entry[0] === name); }
export function timers(world) { return world.timers.size; }
export function maxTimers(world) { return world.maxTimers; }
export function listeners(world) { return world.listeners; }
export function onHook(world, run) { world.hook = run; }
export function token() {
  const part = value => btoa(JSON.stringify(value)).replace(/=+$/, '').replace(/\+/g, '-').replace(/\//g, '_');
  return [part({ alg: 'HS256' }), part({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 }), 'sig'].join('.');
}
export function later(ms) { return new Promise(resolve => setTimeout(resolve, ms)); }
"#)]
extern "C" {
    #[wasm_bindgen(js_name = makeWorld)]
    fn make_world() -> JsValue;
    fn restore(world: &JsValue);
    #[wasm_bindgen(js_name = socketCount)]
    fn socket_count(world: &JsValue) -> u32;
    fn handlers(world: &JsValue, socket: u32) -> u32;
    #[wasm_bindgen(js_name = closedWith)]
    fn closed_with(world: &JsValue, socket: u32) -> Option<u32>;
    fn opened(world: &JsValue, socket: u32);
    fn frame(world: &JsValue, socket: u32, data: &JsValue);
    fn dropped(world: &JsValue, socket: u32, code: u32, reason: &str);
    fn sent(world: &JsValue, socket: u32, index: u32) -> Uint8Array;
    #[wasm_bindgen(js_name = sentCount)]
    fn sent_count(world: &JsValue, socket: u32) -> u32;
    fn told(world: &JsValue, name: &str) -> Array;
    fn timers(world: &JsValue) -> u32;
    #[wasm_bindgen(js_name = maxTimers)]
    fn max_timers(world: &JsValue) -> u32;
    fn listeners(world: &JsValue) -> i32;
    #[wasm_bindgen(js_name = onHook)]
    fn on_hook(world: &JsValue, run: &Function);
    fn token() -> String;
    fn later(ms: u32) -> Promise;
}

const CONNECT: u32 = 0;
const CLOSE: u32 = 1;
const SUBSCRIBE: u32 = 2;
const PING: u32 = 6;
const OPEN_SERIES: u32 = 12;
const SET_TOKEN: u32 = 14;
const TOKEN_FAILED: u32 = 15;
const LISTEN: u32 = 16;

/// A client, its page, and what was seen of both.
struct World {
    js: JsValue,
    client: Option<Rc<WasmClient>>,
}

impl World {
    fn new() -> Self {
        let js = make_world();
        let texts: Array = ["ws://relay.test/ws", "test", "1", "session"].iter().map(|text| JsValue::from_str(text)).collect();
        // Seed; heartbeat, handshake, linger, backoff base (20 ms) and cap, toasts, capacity, factor, no jitter, severity.
        let numbers = [1.0, 2.0, f64::NAN, f64::NAN, 10.0, 20.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN, 0.0, f64::NAN];
        let (socket, callbacks) = (get(&js, "WebSocket"), get(&js, "callbacks"));
        let client = WasmClient::new(&numbers, &texts, socket, callbacks).unwrap();
        Self { js, client: Some(Rc::new(client)) }
    }
    fn client(&self) -> &WasmClient {
        self.client.as_ref().unwrap()
    }
    fn command(&self, kind: u32, number: u32, a: &str) -> u32 {
        let none = JsValue::UNDEFINED;
        self.client().command(kind, number, &JsValue::from_str(a), &none, &none, &none).unwrap()
    }
    fn state(&self) -> String {
        get(&self.client().read(1, &JsValue::UNDEFINED), "state").as_string().unwrap()
    }
    /// Answers the token that was asked for last.
    fn give_token(&self) {
        let asked = told(&self.js, "requestToken");
        let request = Array::from(&asked.get(asked.length() - 1)).get(1).as_f64().unwrap() as u32;
        self.command(SET_TOKEN, request, &token());
    }
    fn say(&self, socket: u32, message: &ServerMessage) {
        let bytes = cbor::encode_server(message);
        frame(&self.js, socket, &Uint8Array::from(bytes.as_slice()).buffer());
    }
    fn first_sent(&self, socket: u32) -> ClientMessage {
        cbor::decode_client(&sent(&self.js, socket, 0).to_vec()).next().unwrap().unwrap()
    }
    /// Goes the whole way to `connected`.
    fn connect(&self) {
        self.command(CONNECT, 0, "");
        self.give_token();
        opened(&self.js, 0);
        let ClientMessage::Connect(connect) = self.first_sent(0) else { panic!("the first message is connect") };
        let channels = connect.subscribe.iter().map(|entry| {
            SubscribedEntry::Subscribed(Subscribed {
                id: None,
                channel: entry.channel.clone(),
                epoch: "e".to_owned(),
                offset: 0,
                recovered: false,
                publications: Vec::new(),
                state: Vec::new(),
                viewers: None,
            })
        });
        self.say(
            0,
            &ServerMessage::Welcome(Welcome {
                id: connect.id,
                connection: "c".to_owned(),
                node: "n".to_owned(),
                user: "ana".to_owned(),
                tenant: "ward".to_owned(),
                server_time: UnixMs(js_sys::Date::now()),
                heartbeat_ms: 30_000,
                timeout_ms: 60_000,
                expires_at: UnixMs(js_sys::Date::now() + 3_600_000.0),
                limits: Limits { max_message_bytes: 65_536, max_subscriptions: 256, messages_per_second: 50, recovery_bytes: 1 << 20 },
                subscribed: channels.collect(),
            }),
        );
        assert_eq!(self.state(), "connected");
    }
    fn points(&self, offset: u64, times: &[f64]) {
        let series = Series { t: Column(times.to_vec()), v: Column(times.iter().map(|t| t * 2.0).collect()), unit: None };
        let telemetry = Telemetry { device_id: "d".to_owned(), series: SeriesMap(vec![("hr".to_owned(), series)]) };
        self.say(
            0,
            &ServerMessage::Event(Event {
                channel: "device:d".to_owned(),
                publication: Publication {
                    offset: Some(offset),
                    first_offset: None,
                    payload: Known::Telemetry(telemetry).into(),
                    ts: UnixMs(1.0),
                    from: None,
                },
            }),
        );
    }
    fn column(&self, series: u32, values: bool) -> Float64Array {
        let buffer = wasm_bindgen::memory().unchecked_into::<js_sys::WebAssembly::Memory>().buffer();
        let window = js_sys::Uint32Array::new_with_byte_offset_and_length(&buffer, self.client().window(series), 5);
        Float64Array::new_with_byte_offset_and_length(&buffer, window.get_index(u32::from(values)), window.get_index(2))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.client.take());
        restore(&self.js);
    }
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap()
}

async fn wait(ms: u32) {
    JsFuture::from(later(ms)).await.unwrap();
}

#[wasm_bindgen_test]
fn a_client_connects_through_the_socket_it_was_given_and_settles_a_ping() {
    let world = World::new();
    world.connect();
    let ClientMessage::Connect(connect) = world.first_sent(0) else { panic!() };
    assert_eq!(connect.client.name, "test");
    assert_eq!(get(&Array::from(&get(&world.js, "sockets")).get(0), "protocol").as_string().unwrap(), "pulsewire.v1.cbor");
    world.command(PING, 7, "");
    assert_eq!(sent_count(&world.js, 0), 2);
}

#[wasm_bindgen_test]
fn dropping_the_client_removes_every_listener_timer_and_handler_and_closes_the_socket() {
    let mut world = World::new();
    assert_eq!(listeners(&world.js), 7, "document and window");
    world.connect();
    assert!(timers(&world.js) > 0);
    assert_eq!(handlers(&world.js, 0), 3);
    drop(world.client.take());
    assert_eq!((listeners(&world.js), timers(&world.js), handlers(&world.js, 0)), (0, 0, 0));
    assert!(closed_with(&world.js, 0).is_some());
}

#[wasm_bindgen_test]
async fn one_timer_drives_everything_and_a_lost_connection_comes_back_by_it() {
    let world = World::new();
    world.connect();
    assert_eq!(max_timers(&world.js), 1, "one timer for the core; changes wait for a frame");
    dropped(&world.js, 0, 1006, "");
    assert_eq!(world.state(), "reconnecting");
    assert_eq!(handlers(&world.js, 0), 0, "the old socket is let go of");
    wait(60).await;
    assert_eq!(socket_count(&world.js), 2);
}

#[wasm_bindgen_test]
async fn a_client_closed_on_purpose_stays_closed() {
    let world = World::new();
    world.connect();
    world.command(CLOSE, 0, "");
    assert_eq!((world.state().as_str(), closed_with(&world.js, 0)), ("closed", Some(1000)));
    for signal in ["online", "pageshow", "visibilitychange", "resume"] {
        let event = web_sys::Event::new(signal).unwrap();
        let _ = js_sys::global().unchecked_into::<web_sys::EventTarget>().dispatch_event(&event).unwrap();
    }
    wait(60).await;
    assert_eq!(socket_count(&world.js), 1);
}

#[wasm_bindgen_test]
fn a_token_that_the_page_cannot_get_counts_as_a_failed_try() {
    let world = World::new();
    world.command(CONNECT, 0, "");
    let request = Array::from(&told(&world.js, "requestToken").get(0)).get(1).as_f64().unwrap() as u32;
    world.command(TOKEN_FAILED, request, "the relay is away");
    assert_eq!(world.state(), "reconnecting");
    assert_eq!(told(&world.js, "unauthorized").length(), 0);
}

#[wasm_bindgen_test]
fn garbage_is_counted_and_reported_and_the_connection_goes_on() {
    let world = World::new();
    world.connect();
    for data in [
        JsValue::from(Uint8Array::from([0xff_u8, 0x00].as_slice()).buffer()),
        JsValue::from(Uint8Array::new_with_length(0).buffer()),
        JsValue::from_str("text"),
        JsValue::NULL,
        js_sys::Object::new().into(),
        JsValue::from_f64(7.0),
    ] {
        frame(&world.js, 0, &data);
    }
    let counters = world.client().read(0, &JsValue::UNDEFINED);
    assert!(get(&counters, "unreadable").as_f64().unwrap() >= 4.0);
    assert!(told(&world.js, "error").length() >= 1);
    assert_eq!(world.state(), "connected");
}

#[wasm_bindgen_test]
fn any_argument_from_javascript_is_refused_or_ignored_and_never_traps() {
    let world = World::new();
    let strange = [JsValue::UNDEFINED, JsValue::NULL, JsValue::from_f64(f64::NAN), JsValue::from_f64(-1e300), js_sys::Object::new().into()];
    for kind in 2..20 {
        for value in &strange {
            if let Err(thrown) = world.client().command(kind, u32::MAX, value, value, value, value) {
                assert_eq!(get(&thrown, "code").as_string().unwrap(), "bad_argument");
            }
        }
    }
    for series in [0, 1, u32::MAX] {
        assert_eq!(world.client().window(series), 0);
        assert!(world.client().detail(series, u32::MAX, u32::MAX).is_undefined());
    }
    assert!(WasmClient::new(&[], &Array::new(), JsValue::UNDEFINED, JsValue::NULL).is_err());
}

#[wasm_bindgen_test]
fn views_lie_in_the_memory_of_the_wasm_and_stay_right_after_it_grew() {
    let world = World::new();
    let none = JsValue::UNDEFINED;
    let (device, metric) = (JsValue::from_str("d"), JsValue::from_str("hr"));
    world.command(SUBSCRIBE, 0, "device:d");
    let series = world.client().command(OPEN_SERIES, 0, &device, &metric, &JsValue::from_f64(1_000.0), &none).unwrap();
    world.connect();
    world.points(1, &[1_000.0, 2_000.0, 3_000.0]);
    let before = world.column(series, true);
    assert_eq!(before.to_vec(), [2_000.0, 4_000.0, 6_000.0]);
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    assert!(js_sys::Object::is(&before.buffer(), &memory.buffer()), "no copy");

    // Growing detaches every view there is; the next one is right again.
    let ballast = vec![1_u8; 8 << 20];
    assert_eq!(before.length(), 0, "detached by {} bytes", ballast.len());
    assert_eq!(world.column(series, false).to_vec(), [1_000.0, 2_000.0, 3_000.0]);
    world.points(2, &[4_000.0]);
    assert_eq!(world.column(series, true).to_vec(), [2_000.0, 4_000.0, 6_000.0, 8_000.0]);
}

#[wasm_bindgen_test]
fn a_callback_may_call_straight_back_into_the_client() {
    let world = World::new();
    world.command(SUBSCRIBE, 0, "device:d");
    world.command(LISTEN, 1, "device:d");
    world.connect();
    let client = Rc::clone(world.client.as_ref().unwrap());
    let ping = Closure::<dyn Fn(String)>::new(move |name: String| {
        if name == "event" {
            let none = JsValue::UNDEFINED;
            client.command(PING, 7, &none, &none, &none, &none).unwrap();
        }
    });
    on_hook(&world.js, ping.as_ref().unchecked_ref());
    world.points(1, &[1_000.0]);
    assert_eq!(told(&world.js, "event").length(), 1);
    assert_eq!(sent_count(&world.js, 0), 2, "connect, and the ping from within the event");
}
