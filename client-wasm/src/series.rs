//! Telemetry series as JavaScript holds them: by number, with views straight into the wasm's memory.
//!
//! A view is a `Float64Array` over the ring itself: nothing is copied, and it is right only until the next call into the
//! wasm (the ring moves on, and memory that grows detaches every view). The façade makes a new one whenever it reads, from
//! numbers alone: a chart reads in every frame, and each object or text that is handed out costs more than the points do.

use crate::clock;
use crate::driver::Driver;
use crate::object::Object;
use pulsewire_client_core::{Client, Series};
use wasm_bindgen::prelude::*;

/// The device and metric behind each number.
#[derive(Default)]
pub(crate) struct Handles {
    open: Vec<Option<(String, String)>>,
}

impl Handles {
    pub(crate) fn add(&mut self, device: String, metric: String) -> u32 {
        let entry = Some((device, metric));
        let index = self.open.iter().position(Option::is_none).unwrap_or(self.open.len());
        match self.open.get_mut(index) {
            Some(slot) => *slot = entry,
            None => self.open.push(entry),
        }
        index as u32
    }
    fn at(&self, handle: u32) -> Option<&(String, String)> {
        self.open.get(handle as usize)?.as_ref()
    }
    pub(crate) fn take(&mut self, handle: u32) -> Option<(String, String)> {
        self.open.get_mut(handle as usize)?.take()
    }
}

/// What can be read of a series besides its columns.
pub(crate) const UNIT: u32 = 0;
const HOLES: u32 = 1;
const STATS: u32 = 2;
const FRESHNESS: u32 = 3;

/// Reads one series; nothing happens where the handle or the ring is gone.
#[inline(never)]
pub(crate) fn read(driver: &Driver, handles: &Handles, handle: u32, read: &mut dyn FnMut(&Client, &Series, &str)) {
    if let Some((device, metric)) = handles.at(handle) {
        driver.read(&mut |client| {
            if let Some(series) = client.telemetry().series(device, metric) {
                read(client, series, device);
            }
        });
    }
}

/// Where a series lies in the wasm's memory, and what tells whether it changed: what the façade makes its views from. It reads these
/// numbers where they lie, in this order.
pub(crate) type Window = [u32; 5];

pub(crate) fn window(series: &Series) -> Window {
    let (times, values) = (series.times(), series.values());
    [times.as_ptr() as u32, values.as_ptr() as u32, times.len() as u32, series.version(), series.unit_changes()]
}

/// Something about a series, by its number above.
pub(crate) fn detail(client: &Client, series: &Series, device: &str, what: u32) -> JsValue {
    match what {
        UNIT => series.unit().map_or(JsValue::UNDEFINED, JsValue::from_str),
        HOLES => match series.holes().as_slice() {
            [] => JsValue::UNDEFINED,
            holes => js_sys::Uint32Array::from(holes).into(),
        },
        STATS => series.stats().map_or(JsValue::UNDEFINED, |stats| {
            Object::new()
                .number("min", stats.min)
                .number("max", stats.max)
                .number("mean", stats.mean)
                .number("last", stats.last)
                .number("lastT", stats.last_t)
                .number("count", stats.count as f64)
                .done()
        }),
        FRESHNESS => {
            let (state, age_ms) = client.freshness(clock::now().unix, device, series.metric());
            Object::new().text("state", state.as_str()).number_if("ageMs", age_ms).done()
        }
        _ => JsValue::UNDEFINED,
    }
}

/// At most so many points: the times, then the values, in one copy.
pub(crate) fn decimated(series: &Series, points: u32) -> JsValue {
    let (mut both, values) = series.decimated(points as usize);
    both.extend_from_slice(&values);
    js_sys::Float64Array::from(both.as_slice()).into()
}
