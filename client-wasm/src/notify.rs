//! When the page is told that slices changed: once per animation frame, by a timer where frames do not come.
//!
//! Alerts, toasts and the connection never wait for a frame: they are told at once; where they come in floods (an alert list
//! is made anew each time), what is left after the first few goes by a timer of 16 ms.

use crate::clock::{self, Frame};
use crate::driver::Driver;
use gloo_timers::callback::Timeout;
use pulsewire_client_core::{Millis, Slices};
use std::cell::{Cell, RefCell};
use std::rc::Weak;

/// One frame of a 60 Hz display.
const FRAME_MS: u64 = 16;
/// How long a page that is hidden waits for what nobody sees.
const HIDDEN_MS: u64 = 250;
/// How many urgent changes are told at once within `FRAME_MS`.
const MAX_AT_ONCE: u32 = 8;

/// Slices that wait to be told.
#[derive(Default)]
pub(crate) struct Notifier {
    waiting: Cell<Slices>,
    frame: RefCell<Option<Frame>>,
    timer: RefCell<Option<Timeout>>,
    urgent_timer: RefCell<Option<Timeout>>,
    /// When the running 16 ms began, and how often something urgent was told in them.
    urgent_window: Cell<(Millis, u32)>,
}

const fn urgent_part(slices: Slices) -> Slices {
    Slices(slices.0 & (Slices::ALERTS.0 | Slices::TOASTS.0 | Slices::CONNECTION.0))
}

impl Notifier {
    /// Takes changes in; gives those that must be told at once.
    pub(crate) fn add(&self, slices: Slices, hidden: bool, driver: &Weak<Driver>) -> Option<Slices> {
        let mut waiting = self.waiting.get();
        waiting |= slices;
        self.waiting.set(waiting);

        let mut now = None;
        if !urgent_part(waiting).is_empty() && self.urgent_timer.borrow().is_none() {
            let at = clock::now().monotonic;
            let (began, told) = self.urgent_window.get();
            let passed = at.since(began);
            if passed >= FRAME_MS || told == 0 {
                self.urgent_window.set((at, 1));
                now = self.take_urgent();
            } else if told < MAX_AT_ONCE {
                self.urgent_window.set((began, told + 1));
                now = self.take_urgent();
            } else {
                *self.urgent_timer.borrow_mut() = Some(clock::after((FRAME_MS - passed) as u32, driver, |driver| {
                    if let Some(slices) = driver.notifier().take_urgent() {
                        driver.tell_changed(slices);
                    }
                }));
            }
        }
        let rest = self.waiting.get().0 & !urgent_part(self.waiting.get()).0;
        if rest != 0 && self.frame.borrow().is_none() && self.timer.borrow().is_none() {
            self.schedule(hidden, driver);
        }
        now
    }

    fn schedule(&self, hidden: bool, driver: &Weak<Driver>) {
        let frame = if hidden { None } else { Frame::request(driver, tell_all) };
        if frame.is_some() {
            *self.frame.borrow_mut() = frame;
            return;
        }
        let delay_ms = if hidden { HIDDEN_MS } else { FRAME_MS };
        *self.timer.borrow_mut() = Some(clock::after(delay_ms as u32, driver, tell_all));
    }

    fn take_urgent(&self) -> Option<Slices> {
        self.urgent_timer.borrow_mut().take();
        let waiting = self.waiting.get();
        let urgent = urgent_part(waiting);
        self.waiting.set(Slices(waiting.0 & !urgent.0));
        (!urgent.is_empty()).then_some(urgent)
    }

    /// Everything that waits; what was scheduled for it is cancelled.
    pub(crate) fn take_all(&self) -> Slices {
        self.frame.borrow_mut().take();
        self.timer.borrow_mut().take();
        self.urgent_timer.borrow_mut().take();
        self.waiting.take()
    }
}

fn tell_all(driver: &Driver) {
    driver.tell_changed(driver.notifier().take_all());
}
