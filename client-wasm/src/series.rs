//! Telemetry series as JavaScript holds them: by number, with views straight into the wasm's memory.
//!
//! A view is a `Float64Array` over the ring itself: nothing is copied, and it is right only until the next call into the
//! wasm (the ring moves on, and memory that grows detaches every view). The façade makes a new one whenever it reads.

use crate::driver::Driver;
use pulsewire_client_core::{Client, Command, Series};
use wasm_bindgen::prelude::*;

/// The device and metric behind each number.
#[derive(Default)]
pub(crate) struct Handles {
    open: Vec<Option<(String, String)>>,
}

impl Handles {
    pub(crate) fn add(&mut self, device: String, metric: String) -> u32 {
        let free = self.open.iter().position(Option::is_none);
        let entry = Some((device, metric));
        match free.and_then(|index| self.open.get_mut(index).map(|slot| (index, slot))) {
            Some((index, slot)) => {
                *slot = entry;
                index as u32
            }
            None => {
                self.open.push(entry);
                self.open.len() as u32 - 1
            }
        }
    }
    pub(crate) fn at(&self, handle: u32) -> Option<&(String, String)> {
        self.open.get(handle as usize)?.as_ref()
    }
    pub(crate) fn take(&mut self, handle: u32) -> Option<Command> {
        let (device, metric) = self.open.get_mut(handle as usize)?.take()?;
        Some(Command::ReleaseTelemetry { device, metric })
    }
}

/// Reads one series; `None` where the handle or the ring is gone.
pub(crate) fn read<T: Default>(driver: &Driver, handles: &Handles, handle: u32, read: impl FnOnce(&Client, &Series) -> T) -> T {
    let Some((device, metric)) = handles.at(handle) else { return T::default() };
    driver.read(|client| client.telemetry().series(device, metric).map(|series| read(client, series)).unwrap_or_default())
}

/// A view of a column where it lies, without copying it.
pub(crate) fn view(column: &[f64]) -> js_sys::Float64Array {
    let memory = wasm_bindgen::memory().unchecked_into::<js_sys::WebAssembly::Memory>();
    js_sys::Float64Array::new_with_byte_offset_and_length(&memory.buffer(), column.as_ptr() as u32, column.len() as u32)
}
