//! The client: takes inputs, routes them to the parts, hands out actions.
//!
//! What the page wants is in `commands.rs`, what the relay says in `incoming.rs`, the transitions of the connection in
//! `connection.rs`; this file holds the parts together and carries out the transitions' effects.

use crate::alerts::Alerts;
use crate::channel_view::ChannelView;
use crate::config::Config;
use crate::connection::{Connection, Context, Effect, Happening};
use crate::counters::Counters;
use crate::dashboard::Dashboard;
use crate::devices::Devices;
use crate::input::{Conn, Input, RequestId, Wake};
use crate::link::COMMAND_BURST;
use crate::measures::Measures;
use crate::outbox::Outbox;
use crate::outgoing::Outgoing;
use crate::output::{ClientEvent, Failure, Output, Settlement, Slices};
use crate::polling::Polling;
use crate::records::{Lists, Records};
use crate::requests::{Purpose, Requests};
use crate::rng::Rng;
use crate::sending::Sending;
use crate::status::ConnectionStatus;
use crate::subscriptions::Subscriptions;
use crate::telemetry::{Freshness, Telemetry};
use crate::time::{Millis, Now};
use crate::timers::{Timer, Timers};
use crate::toasts::{ToastKind, Toasts};
use crate::token::Tokens;
use crate::viewers::Viewers;
use pulsewire_protocol::{ClientMessage, DEFAULT_MAX_MESSAGE_BYTES, Limits, Ping};

/// A wall clock that ran ahead by more than this, or a timer that came later than this, means that the machine slept.
const SLEPT_MS: u64 = 5_000;

/// One client.
pub struct Client {
    pub(crate) config: Config,
    pub(crate) now: Now,
    pub(crate) connection: Connection,
    pub(crate) status: ConnectionStatus,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) requests: Requests,
    pub(crate) tokens: Tokens,
    pub(crate) timers: Timers,
    pub(crate) limits: Limits,
    pub(crate) heartbeat_timeout_ms: u64,
    pub(crate) devices: Devices,
    pub(crate) alerts: Alerts,
    pub(crate) dashboard: Dashboard,
    pub(crate) viewers: Viewers,
    pub(crate) toasts: Toasts,
    pub(crate) telemetry: Telemetry,
    pub(crate) kept: Lists,
    pub(crate) own_typing: Records,
    pub(crate) presence_wanted: bool,
    pub(crate) counters: Counters,
    pub(crate) measures: Measures,
    pub(crate) changed: Slices,
    pub(crate) outputs: Vec<Output>,
    /// Those being handed out, the next one last: a list is a kilobyte smaller than a queue.
    draining: Vec<Output>,
    pub(crate) outgoing: Outgoing,
    pub(crate) outbox: Outbox,
    pub(crate) sending: Sending,
    pub(crate) polling: Polling,
    /// Tells the ids of this client's messages from those of another one in the same page.
    pub(crate) life: u64,
    pub(crate) effects: Vec<Effect>,
    pub(crate) rng: Rng,
    /// Subscribe commands that may be sent now, and since when the allowance grows.
    pub(crate) allowance: u64,
    pub(crate) allowance_at: Millis,
    pub(crate) own_toasts: u32,
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Client(")?;
        f.write_str(self.status.state.as_str())?;
        f.write_str(")")
    }
}

impl Client {
    /// A client at rest. The seed decides the jitter: give each client its own.
    pub fn new(config: Config, seed: u64, now: Now) -> Self {
        Self {
            status: ConnectionStatus { since: now.unix, ..ConnectionStatus::default() },
            connection: Connection::new(),
            subscriptions: Subscriptions::default(),
            requests: Requests::default(),
            tokens: Tokens::default(),
            timers: Timers::default(),
            limits: Limits {
                max_message_bytes: DEFAULT_MAX_MESSAGE_BYTES,
                max_subscriptions: 256,
                messages_per_second: 50,
                recovery_bytes: 1 << 20,
            },
            heartbeat_timeout_ms: config.heartbeat_timeout_ms,
            devices: Devices::default(),
            alerts: Alerts::default(),
            dashboard: Dashboard::default(),
            viewers: Viewers::default(),
            toasts: Toasts::new(config.toasts.clone()),
            telemetry: Telemetry::new(config.telemetry.clone()),
            kept: Lists::default(),
            own_typing: Records::default(),
            presence_wanted: false,
            counters: Counters::default(),
            measures: Measures::default(),
            changed: Slices::NONE,
            outputs: Vec::new(),
            draining: Vec::new(),
            outgoing: Outgoing::default(),
            outbox: Outbox::default(),
            sending: Sending::default(),
            polling: Polling::default(),
            life: Rng::new(!seed).next() >> 32,
            effects: Vec::new(),
            rng: Rng::new(seed),
            allowance: COMMAND_BURST,
            allowance_at: now.monotonic,
            own_toasts: 0,
            config,
            now,
        }
    }

    /// Takes one input. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        let before = self.now.monotonic;
        let slept = self.observe_clocks(now);
        if slept {
            let changed = self.toasts.handle_slept(self.now, self.now.monotonic.since(before));
            self.mark(changed, Slices::TOASTS);
            self.step(Happening::Woke);
            // Nothing was heard because nobody listened: the probe decides, not the watchdog.
            self.arm_silence();
        }
        match input {
            Input::Tick => {}
            Input::Opened { conn } if self.is_current(conn) => self.step(Happening::Opened),
            Input::Frame { conn, bytes } if self.is_current(conn) => self.handle_frame(conn, bytes),
            Input::Closed { conn, code, reason } if self.is_current(conn) => self.step(Happening::Lost { code, reason }),
            Input::Opened { .. } | Input::Frame { .. } | Input::Closed { .. } => {}
            Input::Token { request, result } => self.handle_token(request, result),
            Input::Fetched { fetch, answer } => self.handle_fetched(fetch, &answer),
            Input::Restored { scope, entries } => self.handle_restored(&scope, &entries),
            Input::Wake(wake @ (Wake::Visible | Wake::Resumed)) => {
                if wake == Wake::Visible {
                    self.handle_hidden(false);
                }
                self.step(Happening::Woke);
            }
            Input::Wake(Wake::Online) => self.step(Happening::NetworkCame),
            Input::Wake(Wake::Offline) => self.step(Happening::NetworkWent),
            Input::Wake(Wake::Hidden) => self.handle_hidden(true),
            Input::Command(command) => self.handle_command(command),
        }
        while let Some(timer) = self.timers.pop_due(self.now.monotonic) {
            self.handle_timer(timer);
        }
        self.finish();
    }

    /// The next action, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.draining.is_empty() {
            std::mem::swap(&mut self.outputs, &mut self.draining);
            self.draining.reverse();
        }
        if let Some(output) = self.draining.pop() {
            return Some(output);
        }
        let changed = std::mem::take(&mut self.changed);
        (!changed.is_empty()).then_some(Output::Changed(changed))
    }

    /// When to call `handle` with [`Input::Tick`] (monotonic clock), if at all.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.timers.next()
    }

    /// The connection.
    pub fn connection(&self) -> &ConnectionStatus {
        &self.status
    }
    /// Device statuses.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }
    /// Alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }
    /// Statistics.
    pub fn dashboard(&self) -> &Dashboard {
        &self.dashboard
    }
    /// Viewers.
    pub fn viewers(&self) -> &Viewers {
        &self.viewers
    }
    /// Toasts.
    pub fn toasts(&self) -> &Toasts {
        &self.toasts
    }
    /// Rings.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }
    /// How fresh a metric is, and the age of its newest point in milliseconds by the relay's clock.
    pub fn freshness(&self, unix_now: Millis, device: &str, metric: &str) -> (Freshness, Option<f64>) {
        let Some(series) = self.telemetry.series(device, metric) else { return (Freshness::Empty, None) };
        let relay_now = Millis(unix_now.0.saturating_add_signed(self.status.clock_offset_ms));
        let mut channel = String::from("device:");
        channel.push_str(device);
        let restoring = self.subscriptions.is_restoring(&channel);
        (series.freshness(relay_now, self.connection.is_connected() || self.connection.is_polling(), restoring), series.age_ms(relay_now))
    }
    /// A wanted channel; `None` where nobody holds it.
    pub fn channel(&self, name: &str) -> Option<ChannelView<'_>> {
        self.subscriptions.view(name)
    }
    /// The names of every wanted channel, the relay's own and lingering ones included.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.subscriptions.names()
    }
    /// Messages that are not at the relay yet, oldest first.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }
    /// What came and what was wrong with it.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
    /// Commands that wait for their answer.
    pub fn requests_in_flight(&self) -> usize {
        self.requests.len()
    }
    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn handle_hidden(&mut self, hidden: bool) {
        self.subscriptions.handle_hidden(self.now.monotonic, hidden);
        let changed = self.toasts.handle_hidden(self.now, hidden);
        self.mark(changed, Slices::TOASTS);
    }

    /// Takes the time in; says whether the machine slept since the last input.
    fn observe_clocks(&mut self, now: Now) -> bool {
        let monotonic = now.monotonic.max(self.now.monotonic);
        let passed = monotonic.since(self.now.monotonic);
        let wall_passed = now.unix.since(self.now.unix);
        let overdue = self.timers.next().map_or(0, |deadline| monotonic.since(deadline));
        self.now = Now { monotonic, unix: now.unix };
        wall_passed > passed.saturating_add(SLEPT_MS) || overdue > SLEPT_MS
    }

    /// The relay's clock, as far as it is known.
    pub(crate) fn relay_now(&self) -> u64 {
        self.now.unix.0.saturating_add_signed(self.status.clock_offset_ms)
    }

    fn is_current(&self, conn: Conn) -> bool {
        self.connection.conn() == Some(conn)
    }

    pub(crate) fn arm_silence(&mut self) {
        if self.connection.is_connected() {
            self.timers.set(Timer::Silence, Some(self.now.monotonic.plus(self.heartbeat_timeout_ms)));
        }
    }

    /// Tells the connection, and carries out what follows.
    pub(crate) fn step(&mut self, happening: Happening<'_>) {
        let before = (self.status.state, self.status.attempt, self.status.next_retry_at, self.status.reason, self.status.interrupted);
        let mut cx = Context {
            now: self.now,
            config: &self.config,
            rng: &mut self.rng,
            timers: &mut self.timers,
            tokens: &mut self.tokens,
            status: &mut self.status,
            effects: &mut self.effects,
        };
        self.connection.step(&mut cx, happening);
        for effect in std::mem::take(&mut self.effects) {
            self.carry_out(effect);
        }
        let after = (self.status.state, self.status.attempt, self.status.next_retry_at, self.status.reason, self.status.interrupted);
        self.mark(before != after, Slices::CONNECTION);
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::AskToken(reason) => self.ask_token(reason),
            Effect::OpenSocket(conn) => {
                self.counters.tries += 1;
                self.outputs.push(Output::Connect { conn });
            }
            Effect::CloseSocket { conn, code } => {
                // What was said before the end is still worth sending; whether it arrives, nobody will know.
                self.outgoing.flush(conn, &mut self.outputs);
                self.outputs.push(Output::Close { conn, code });
            }
            Effect::SendConnect => self.send_connect(),
            Effect::SendProbe => self.send_command(Purpose::Probe, |id| ClientMessage::Ping(Ping { id })),
            Effect::Poll => self.poll(),
            Effect::StopPolling => self.stop_polling(),
            Effect::LetGo => self.let_go(),
            Effect::Unauthorized(reason) => {
                self.toast(ToastKind::Auth, "sign_in_needed", reason);
                self.emit(ClientEvent::Unauthorized { reason });
            }
            Effect::Banned { reason, .. } => {
                let text = if reason == "forbidden" {
                    "the relay does not allow this client (close code 4403): not trying again"
                } else {
                    "the relay could not read what was sent (close code 4400), which is a defect: not trying again"
                };
                self.toast(ToastKind::Connection, "connection_refused", reason);
                self.error(reason, text, None);
            }
            Effect::MessageDropped => {
                // The relay's limit was kept, so it was something on the way; the largest is the likeliest.
                if let Some(number) = self.outbox.largest_sent() {
                    self.end_message(number, Err(Failure::TooLarge { limit: self.limits.max_message_bytes }));
                    return;
                }
                self.error("too_large", "the relay closed the connection because a message was too large: it is lost", None);
            }
        }
    }

    fn handle_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Retry => self.step(Happening::RetryDue),
            Timer::Token => {
                let text = "getToken gave no answer in time: trying again";
                self.error("token_unavailable", text, None);
                self.step(Happening::TokenUnavailable);
            }
            Timer::Handshake => self.step(Happening::HandshakeOverdue),
            Timer::Silence => self.step(Happening::Silent),
            Timer::Probe => self.step(Happening::ProbeOverdue),
            Timer::Stable => self.connection.handle_stable(),
            Timer::Interrupted => self.show_interruption(),
            Timer::Refresh => self.refresh_token(),
            Timer::Requests => self.expire_requests(),
            // `finish` does what is due of these.
            Timer::Subscriptions | Timer::Outbox => {}
            Timer::Poll => self.handle_poll_timer(),
            Timer::Post => self.handle_post_overdue(),
            Timer::Toasts => {
                let changed = self.toasts.handle_expiry(self.now);
                self.mark(changed, Slices::TOASTS);
            }
            Timer::Typing => self.handle_typing_expiry(),
        }
    }

    /// Tells the page something. One function, not inlined: an event is large, and each copy of this would cost bytes in the wasm.
    #[inline(never)]
    pub(crate) fn emit(&mut self, event: ClientEvent) {
        self.outputs.push(Output::Emit(event));
    }

    /// Ends a request of the page.
    #[inline(never)]
    pub(crate) fn settle(&mut self, request: RequestId, result: Result<Settlement, Failure>) {
        self.emit(ClientEvent::Settled { request, result });
    }

    /// Notes that a part of the state changed, where it did.
    pub(crate) fn mark(&mut self, changed: bool, slices: Slices) {
        if changed {
            self.changed |= slices;
        }
    }

    #[inline(never)]
    pub(crate) fn error(&mut self, code: &'static str, message: &str, channel: Option<String>) {
        self.emit(ClientEvent::Error { code, message: message.to_owned(), channel });
    }

    /// What has to be right after every input: channels asked for, frames handed out, timers armed.
    fn finish(&mut self) {
        let now = self.now.monotonic;
        let connected = self.connection.is_connected();
        self.subscriptions.plan(connected);
        if self.subscriptions.deadline().is_some_and(|deadline| deadline <= now) {
            while let Some(name) = self.subscriptions.poll_left(now, connected) {
                self.forget_channel(&name);
            }
            if connected {
                self.ask_for_channels();
            }
            self.subscriptions.plan(connected);
        }
        let mut deadline = self.subscriptions.deadline();
        if self.allowance == 0 && connected {
            deadline = deadline.map(|deadline| deadline.max(self.allowance_at.plus(self.allowance_interval_ms())));
        }
        self.timers.set(Timer::Subscriptions, deadline);
        self.hurry_poll();
        self.tend_outbox();
        if let Some(conn) = self.connection.conn() {
            self.outgoing.flush(conn, &mut self.outputs);
        }
        let oldest = self.requests.oldest();
        self.timers.set(Timer::Requests, oldest.map(|at| at.plus(self.config.request_timeout_ms)));
        while let Some(toast) = self.toasts.poll_shown() {
            self.emit(ClientEvent::ToastShown(toast));
        }
        self.timers.set(Timer::Toasts, self.toasts.deadline());
        self.measure_link();
        let deadline = self.typing_deadline();
        self.timers.set(Timer::Typing, deadline);
    }
}
