//! Who may come in while the relay is short of something (R12): those who are in go on, new ones are asked to come back.
//!
//! [`breaker`] decides, as a pure state machine; [`load`] says how a sample stands against the thresholds; [`Gate`] is the
//! state that the door and the [`monitor`](crate::monitor) share.
//!
//! Limits: only new WebSocket connections are refused. Polls, publications over HTTP, refreshes and subscriptions go on: a
//! page that cannot connect falls back to polling and still hears its alerts.

pub mod breaker;
pub mod load;

use crate::config::MonitorConfig;
use crate::entropy::Entropy;
use breaker::{Happening, Rules, State};
use load::Use;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, ErrorCode};

/// The earliest a refused client is asked to come back.
pub const RETRY_MIN_MS: u64 = 5_000;
/// The latest.
pub const RETRY_MAX_MS: u64 = 30_000;

/// A state that was left for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where it stood.
    pub from: State,
    /// Where it stands.
    pub to: State,
}

/// See the module.
pub struct Gate {
    /// Held for one transition, never across an await.
    state: Mutex<State>,
    rules: Rules,
    entropy: Entropy,
}

impl Gate {
    /// A closed breaker: everybody may come in.
    pub fn new(config: &MonitorConfig, entropy: Entropy) -> Self {
        let rules = Rules { sustain: config.sustain_samples.max(1), trials: config.trial_connections };
        Self { state: Mutex::default(), rules, entropy }
    }

    /// Whether somebody could come in now, taking nothing: to be asked before anything that costs.
    pub fn look(&self) -> Result<(), ErrorBody> {
        let (_, could) = self.state().next(Happening::Arrival, self.rules);
        if could { Ok(()) } else { Err(self.refusal()) }
    }

    /// Somebody comes in: one of those who are tried, while that is what happens. To be asked last, so that a request that is
    /// refused for something else takes nobody's place. The error says when to come back, at a time of its own for each.
    pub fn enter(&self) -> Result<(), ErrorBody> {
        let entered = {
            let mut state = self.state.lock();
            let (next, entered) = state.next(Happening::Arrival, self.rules);
            *state = next;
            entered
        };
        if entered { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> ErrorBody {
        let message = "this relay is overloaded: those who are connected go on, others come back later, or poll";
        ErrorBody::retryable(ErrorCode::Unavailable, message, Some(self.entropy.between(RETRY_MIN_MS, RETRY_MAX_MS)))
    }

    /// A sample was taken; returns the change of state that it brought.
    pub fn handle_sample(&self, uses: &[Use]) -> Option<Change> {
        let mut state = self.state.lock();
        let from = *state;
        let (to, _) = from.next(Happening::Sample(load::level(uses)), self.rules);
        *state = to;
        (from.as_str() != to.as_str()).then_some(Change { from, to })
    }

    /// Where the breaker stands.
    pub fn state(&self) -> State {
        *self.state.lock()
    }
}
