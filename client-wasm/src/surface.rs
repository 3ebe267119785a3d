//! `WasmClient`: what the façade calls. Names are checked here, everything else is decided by the core.

use crate::convert::{bad, optional_text, optional_u32, text, texts};
use crate::driver::Driver;
use crate::series::{self, Handles};
use crate::{clock, config, publish, views};
use pulsewire_client_core::{AlertIds, Command, Input, RequestId, Slices, SubscribeOptions};
use pulsewire_protocol::Payload;
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// One client. `free()` ends everything that it started.
#[wasm_bindgen]
pub struct WasmClient {
    driver: Rc<Driver>,
    series: RefCell<Handles>,
}

impl Drop for WasmClient {
    fn drop(&mut self) {
        self.driver.end();
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatsView {
    min: f64,
    max: f64,
    mean: f64,
    last: f64,
    last_t: f64,
    count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FreshnessView {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<f64>,
}

#[wasm_bindgen]
impl WasmClient {
    /// A client at rest. Throws an `Error` with a `code` where the configuration makes no sense.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsValue, callbacks: JsValue) -> Result<WasmClient, JsValue> {
        #[cfg(debug_assertions)]
        console_error_panic_hook::set_once();
        if !callbacks.is_object() {
            return Err(bad("callbacks", "must be an object"));
        }
        let settings = config::read(config)?;
        Ok(Self { driver: Driver::start(settings, callbacks.unchecked_into()), series: RefCell::default() })
    }

    /// Connects, and stays connected.
    pub fn connect(&self) {
        self.driver.command(Command::Connect);
    }
    /// Ends the connection on purpose.
    pub fn close(&self) {
        self.driver.command(Command::Close);
    }
    /// Ends everything at once: to be called before `free()`, which must wait until no call is under way.
    pub fn end(&self) {
        self.driver.end();
    }

    /// Holds a channel.
    pub fn subscribe(&self, channel: &JsValue, history: &JsValue, max_hz: &JsValue) -> Result<(), JsValue> {
        let options = SubscribeOptions { history: optional_u32(history, "history")?, max_hz: optional_u32(max_hz, "maxHz")? };
        self.driver.command(Command::Subscribe { channel: text(channel, "channel")?, options });
        Ok(())
    }
    /// Lets go of a channel.
    pub fn release(&self, channel: &JsValue) -> Result<(), JsValue> {
        self.driver.command(Command::Release { channel: text(channel, "channel")? });
        Ok(())
    }
    /// Whether the events of a channel (of all, where none is named) are wanted as objects.
    pub fn listen(&self, channel: &JsValue, wanted: bool) -> Result<(), JsValue> {
        let channel = optional_text(channel, "channel")?;
        self.driver.interest().borrow_mut().set(channel, wanted);
        Ok(())
    }

    /// Publishes; settled or failed under the request's number.
    pub fn publish(&self, request: u32, channel: &JsValue, event: &JsValue, data: &JsValue, key: &JsValue) -> Result<(), JsValue> {
        let command = Command::Publish {
            request: RequestId(request),
            channel: text(channel, "channel")?,
            payload: Payload::Custom { event: text(event, "event")?, data: publish::raw_json(data)? },
            key: optional_text(key, "key")?,
        };
        self.driver.command(command);
        Ok(())
    }
    /// Asks the relay for something; settled with JSON text.
    pub fn call(&self, request: u32, method: &JsValue, params: &JsValue) -> Result<(), JsValue> {
        let params = if params.is_undefined() { None } else { Some(publish::json(params)?) };
        self.driver.command(Command::Call { request: RequestId(request), method: text(method, "method")?, params });
        Ok(())
    }
    /// Measures the round trip.
    pub fn ping(&self, request: u32) {
        self.driver.command(Command::Ping { request: RequestId(request) });
    }

    /// The answer to `requestToken`.
    #[wasm_bindgen(js_name = setToken)]
    pub fn set_token(&self, request: u32, token: &JsValue) -> Result<(), JsValue> {
        // What is no text is no token: the core then says `token_missing`.
        let token = token.as_string().unwrap_or_default();
        self.driver.handle(Input::Token { request, result: Ok(token) });
        Ok(())
    }
    /// The page could not get a token now.
    #[wasm_bindgen(js_name = tokenFailed)]
    pub fn token_failed(&self, request: u32, message: &JsValue) {
        let message = message.as_string().unwrap_or_default();
        self.driver.handle(Input::Token { request, result: Err(message) });
    }

    /// Marks alerts as read: a list of ids, or `"all"`.
    #[wasm_bindgen(js_name = markAlertsRead)]
    pub fn mark_alerts_read(&self, ids: &JsValue) -> Result<(), JsValue> {
        let ids = if ids.as_string().as_deref() == Some("all") { AlertIds::All } else { AlertIds::Some(texts(ids, "ids")?) };
        self.driver.command(Command::MarkAlertsRead(ids));
        Ok(())
    }
    /// Removes a toast.
    #[wasm_bindgen(js_name = dismissToast)]
    pub fn dismiss_toast(&self, id: &JsValue) -> Result<(), JsValue> {
        self.driver.command(Command::DismissToast { id: text(id, "id")? });
        Ok(())
    }
    /// A toast was clicked.
    #[wasm_bindgen(js_name = clickToast)]
    pub fn click_toast(&self, id: &JsValue) -> Result<(), JsValue> {
        self.driver.command(Command::ClickToast { id: text(id, "id")? });
        Ok(())
    }
    /// Stops the toasts' clocks, or lets them run on.
    #[wasm_bindgen(js_name = holdToasts)]
    pub fn hold_toasts(&self, held: bool) {
        self.driver.command(Command::HoldToasts(held));
    }

    /// One slice of the state, by its bit.
    pub fn snapshot(&self, slice: u32) -> Result<JsValue, JsValue> {
        self.driver.read(|client| Some(views::slice(client, Slices(slice as u16)))).unwrap_or(Ok(JsValue::UNDEFINED))
    }
    /// Where a channel stands; `undefined` where nobody holds it.
    #[wasm_bindgen(js_name = channelState)]
    pub fn channel_state(&self, channel: &JsValue) -> Result<JsValue, JsValue> {
        let channel = text(channel, "channel")?;
        self.driver.read(|client| client.channel(&channel).map(|view| views::channel(&view))).unwrap_or(Ok(JsValue::UNDEFINED))
    }
    /// The metrics seen of a device.
    pub fn metrics(&self, device: &JsValue) -> Result<Vec<String>, JsValue> {
        let device = text(device, "deviceId")?;
        Ok(self.driver.read(|client| client.telemetry().metrics(&device).map(|series| series.metric().to_owned()).collect()))
    }
    /// What came, and what was wrong with it.
    pub fn counters(&self) -> Result<JsValue, JsValue> {
        self.driver.read(|client| Some(views::counters(client))).unwrap_or(Ok(JsValue::UNDEFINED))
    }

    /// Holds the ring of one metric; gives the number for the calls below.
    #[wasm_bindgen(js_name = openSeries)]
    pub fn open_series(&self, device: &JsValue, metric: &JsValue, capacity: &JsValue) -> Result<u32, JsValue> {
        let (device, metric) = (text(device, "deviceId")?, text(metric, "metric")?);
        let capacity = optional_u32(capacity, "capacity")?.map(|points| points as usize);
        self.driver.command(Command::HoldTelemetry { device: device.clone(), metric: metric.clone(), capacity });
        Ok(self.series.borrow_mut().add(device, metric))
    }
    /// Lets go of a ring.
    #[wasm_bindgen(js_name = closeSeries)]
    pub fn close_series(&self, series: u32) {
        let release = self.series.borrow_mut().take(series);
        if let Some(command) = release {
            self.driver.command(command);
        }
    }
    /// A zero-copy view of the times; right until the next call.
    #[wasm_bindgen(js_name = seriesTimes)]
    pub fn series_times(&self, series: u32) -> Option<js_sys::Float64Array> {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| Some(series::view(series.times())))
    }
    /// A zero-copy view of the values; right until the next call.
    #[wasm_bindgen(js_name = seriesValues)]
    pub fn series_values(&self, series: u32) -> Option<js_sys::Float64Array> {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| Some(series::view(series.values())))
    }
    /// Rises with every change.
    #[wasm_bindgen(js_name = seriesVersion)]
    pub fn series_version(&self, series: u32) -> u32 {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| series.version())
    }
    /// The unit, where one is known.
    #[wasm_bindgen(js_name = seriesUnit)]
    pub fn series_unit(&self, series: u32) -> Option<String> {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| series.unit().map(ToOwned::to_owned))
    }
    /// The indices before which a hole lies.
    #[wasm_bindgen(js_name = seriesGaps)]
    pub fn series_gaps(&self, series: u32) -> Vec<u32> {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| series.holes())
    }
    /// At most so many points: the times, then the values, in one copied list.
    #[wasm_bindgen(js_name = seriesDecimated)]
    pub fn series_decimated(&self, series: u32, points: u32) -> Vec<f64> {
        series::read(&self.driver, &self.series.borrow(), series, |_, series| {
            let (mut times, mut values) = series.decimated(points as usize);
            times.append(&mut values);
            times
        })
    }
    /// Numbers of the window; `undefined` while it is empty.
    #[wasm_bindgen(js_name = seriesStats)]
    pub fn series_stats(&self, series: u32) -> Result<JsValue, JsValue> {
        let stats = series::read(&self.driver, &self.series.borrow(), series, |_, series| series.stats());
        stats.map_or(Ok(JsValue::UNDEFINED), |s| {
            views::to_js(&StatsView { min: s.min, max: s.max, mean: s.mean, last: s.last, last_t: s.last_t, count: s.count })
        })
    }
    /// How fresh the series is.
    #[wasm_bindgen(js_name = seriesFreshness)]
    pub fn series_freshness(&self, series: u32) -> Result<JsValue, JsValue> {
        let handles = self.series.borrow();
        let Some((device, metric)) = handles.at(series) else { return Ok(JsValue::UNDEFINED) };
        let unix = clock::now().unix;
        let fresh = self.driver.read(|client| Some(client.freshness(unix, device, metric)));
        fresh.map_or(Ok(JsValue::UNDEFINED), |(state, age_ms)| views::to_js(&FreshnessView { state: state.as_str(), age_ms }))
    }
}
