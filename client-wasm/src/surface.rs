//! `WasmClient`: what the façade calls. Commands and reads go by number, because each exported function costs its share of
//! every page's download; `npm/src/core.ts` gives them their names again.

use crate::bridge::Callbacks;
use crate::driver::{Driver, Settings};
use crate::object::{Wanted, bytes, whole};
use crate::series::{self, Handles, Window};
use crate::{config, views};
use pulsewire_client_core::{AlertIds, Command, HttpAnswer, Input, RequestId, Slices, SubscribeOptions};
use pulsewire_protocol::{ClientInfo, Payload, Position, RawJson};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// One client. `free()` ends everything that it started.
#[wasm_bindgen]
pub struct WasmClient {
    driver: Rc<Driver>,
    series: RefCell<Handles>,
    window: Cell<Window>,
}

impl Drop for WasmClient {
    fn drop(&mut self) {
        self.driver.end();
    }
}

#[wasm_bindgen]
impl WasmClient {
    /// A client at rest. `texts`: url, name, version, session, then the metrics whose capacities end `numbers`, whose first
    /// two are the seed. `web_socket` is the constructor to use; `undefined` is the page's own.
    #[wasm_bindgen(constructor)]
    pub fn new(numbers: &[f64], texts: &js_sys::Array, web_socket: JsValue, callbacks: JsValue) -> Result<WasmClient, JsValue> {
        #[cfg(debug_assertions)]
        console_error_panic_hook::set_once();
        let mut wanted = Wanted::default();
        let mut left = texts.iter();
        let mut next = || wanted.text(&left.next().unwrap_or_default(), "every text of the configuration");
        let (url, name, version, session) = (next(), next(), next(), next());
        let (seed, numbers) = numbers.split_at_checked(2).unwrap_or_default();
        let (numbers, sizes) = numbers.split_at_checked(config::NUMBERS).unwrap_or((numbers, &[]));
        let mut capacities = Vec::new();
        for size in sizes {
            capacities.push((next(), *size as usize));
        }
        wanted.check()?;
        let mut core = config::read(numbers, capacities);
        core.client = ClientInfo { name, version, session };
        let seed = seed.iter().fold(0, |seed: u64, part| (seed << 32) | u64::from(*part as u32));
        let settings =
            Settings { core, seed, url, web_socket: web_socket.dyn_into().ok(), callbacks: callbacks.unchecked_into::<Callbacks>() };
        Ok(Self { driver: Driver::start(settings), series: RefCell::default(), window: Cell::default() })
    }

    /// Ends everything at once: to be called before `free()`, which must wait until no call is under way.
    pub fn end(&self) {
        self.driver.end();
    }

    /// Does something, by its number. `number` is the request's number, where there is one.
    pub fn command(&self, kind: u32, number: u32, a: &JsValue, b: &JsValue, c: &JsValue, d: &JsValue) -> Result<u32, JsValue> {
        let request = RequestId(number);
        let mut wanted = Wanted::default();
        let command = match kind {
            0 => Command::Connect,
            1 => Command::Close,
            2 => {
                Command::Subscribe { channel: wanted.text(a, "channel"), options: SubscribeOptions { history: whole(b), max_hz: whole(c) } }
            }
            3 => Command::Release { channel: wanted.text(a, "channel") },
            // Through the outbox, or now or never.
            4 | 17 => Command::Publish {
                request,
                channel: wanted.text(a, "channel"),
                payload: Payload::Custom { event: wanted.text(b, "event"), data: RawJson::from_text_unchecked(wanted.text(c, "data")) },
                key: d.as_string(),
                queue: kind == 4,
            },
            5 => Command::Call { request, method: wanted.text(a, "method"), params: b.as_string() },
            6 => Command::Ping { request },
            7 => Command::MarkAlertsRead(AlertIds::All),
            8 => Command::MarkAlertsRead(AlertIds::Some(vec![wanted.text(a, "id")])),
            9 => Command::DismissToast { id: wanted.text(a, "id") },
            10 => Command::ClickToast { id: wanted.text(a, "id") },
            11 => Command::HoldToasts(number != 0),
            12 => {
                let (device, metric) = (wanted.text(a, "deviceId"), wanted.text(b, "metric"));
                wanted.check()?;
                let handle = self.series.borrow_mut().add(device.clone(), metric.clone());
                let capacity = whole(c).map(|points| points as usize);
                self.driver.command(Command::HoldTelemetry { device, metric, capacity });
                return Ok(handle);
            }
            13 => {
                let held = self.series.borrow_mut().take(number);
                let Some((device, metric)) = held else { return Ok(0) };
                Command::ReleaseTelemetry { device, metric }
            }
            // The answer to `requestToken`: a token (what is no text is none), or why there is none now.
            14 => {
                self.driver.handle(Input::Token { request: number, result: Ok(a.as_string().unwrap_or_default()) });
                return Ok(0);
            }
            15 => {
                self.driver.handle(Input::Token { request: number, result: Err(a.as_string().unwrap_or_default()) });
                return Ok(0);
            }
            // Whether the events of a channel (of all, where none is named) are wanted as objects.
            16 => {
                self.driver.interest().borrow_mut().set(a.as_string(), number != 0);
                return Ok(0);
            }
            30 => Command::Typing { conversation: wanted.text(a, "conversationId"), active: number != 0 },
            31 => Command::MarkNotifications { id: a.as_string(), dismiss: number != 0 },
            32 => Command::WatchPresence,
            33 => Command::Present { user: wanted.text(a, "userId"), name: wanted.text(b, "name") },
            // The answer to a request over HTTP: its status, the code and the delay of a problem, the body.
            18 => {
                let (code, body) = (b.as_string().unwrap_or_default(), bytes(d));
                let answer = HttpAnswer {
                    status: whole(a).unwrap_or_default() as u16,
                    code: &code,
                    retry_after_ms: whole(c).map(u64::from),
                    body: &body,
                };
                self.driver.handle(Input::Fetched { fetch: number, answer });
                return Ok(0);
            }
            // The messages that were saved under a scope.
            19 => {
                let mut entries = Vec::new();
                for entry in b.dyn_ref::<js_sys::Array>().iter().flat_map(|list| list.iter()) {
                    entries.push(bytes(&entry));
                }
                self.driver.handle(Input::Restored { scope: a.as_string().unwrap_or_default(), entries });
                return Ok(0);
            }
            20 => {
                let offset = c.as_f64().unwrap_or_default() as u64;
                Command::Resume { channel: wanted.text(a, "channel"), position: Position { epoch: wanted.text(b, "epoch"), offset } }
            }
            21 => Command::SignOut,
            _ => return Ok(0),
        };
        wanted.check()?;
        self.driver.command(command);
        Ok(0)
    }

    /// Reads something, by its number: a slice by its bit, what the state says of `name` otherwise.
    pub fn read(&self, what: u32, name: &JsValue) -> JsValue {
        let name = name.as_string().unwrap_or_default();
        let mut value = JsValue::UNDEFINED;
        self.driver.read(&mut |client| {
            value = match Slices(what) {
                Slices::CHANNELS => client.channel(&name).map_or(JsValue::UNDEFINED, |view| views::channel(&view)),
                Slices::METRICS => views::metrics(client, &name),
                Slices::NONE => views::counters(client),
                Slices::QUALITY => views::quality(client),
                slice => views::slice(client, slice, &name),
            };
        });
        value
    }

    /// Where five numbers of 32 bits lie: the addresses of a series' times and of its values, how many points they are, its version, and
    /// how often its unit changed. 0 where there is no such series. Right until the next call.
    pub fn window(&self, series: u32) -> u32 {
        let mut at = 0;
        series::read(&self.driver, &self.series.borrow(), series, &mut |_, series, _| {
            self.window.set(series::window(series));
            at = self.window.as_ptr() as u32;
        });
        at
    }
    /// Something about a series, by its number; with `points`, its decimated points.
    pub fn detail(&self, series: u32, what: u32, points: u32) -> JsValue {
        let mut detail = JsValue::UNDEFINED;
        series::read(&self.driver, &self.series.borrow(), series, &mut |client, series, device| {
            detail = if points > 0 { series::decimated(series, points) } else { series::detail(client, series, device, what) };
        });
        detail
    }
}
