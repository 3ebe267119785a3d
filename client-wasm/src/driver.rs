//! Carries the core's inputs in and its outputs out.
//!
//! Why the loop is written as it is: a callback of the page may call the client again (publish from an event, release from a
//! change). Such a call is fed to the core at once, and its outputs are carried out by the loop that is already running.
//! The core is therefore never borrowed while JavaScript runs; `try_borrow_mut` cannot fail, and where it did the input would
//! be lost rather than the page's wasm.

use crate::bridge::{Callbacks, Tell};
use crate::clock;
use crate::events::Interest;
use crate::notify::Notifier;
use crate::object::{is_bytes, property};
use crate::signals::{self, Signals};
use crate::socket::{Opener, Socket};
use crate::{events, recording, socket, views};
use gloo_timers::callback::Timeout;
use pulsewire_client_core::{Client, ClientEvent, Command, Config, Conn, Delivery, Input, Millis, Output, Settlement, Slices, Wake};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;

/// Longer waits are cut: `setTimeout` takes 31 bits, and a tick too many does no harm.
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// What a driver is made from.
pub(crate) struct Settings {
    pub(crate) core: Config,
    pub(crate) seed: u64,
    /// The relay's address.
    pub(crate) url: String,
    /// The constructor of the socket; absent is the page's own.
    pub(crate) web_socket: Option<js_sys::Function>,
    pub(crate) callbacks: Callbacks,
}

pub(crate) struct Driver {
    me: Weak<Driver>,
    core: RefCell<Client>,
    callbacks: Callbacks,
    /// Whether the façade keeps a flight recorder.
    recording: bool,
    opener: Opener,
    socket: RefCell<Option<Socket>>,
    /// The one timer, and the point it was set for.
    alarm: RefCell<Option<(Millis, Timeout)>>,
    signals: RefCell<Option<Signals>>,
    notifier: Notifier,
    interest: RefCell<Interest>,
    /// Frames are copied out of JavaScript into this, again and again.
    frame: RefCell<Vec<u8>>,
    hidden: Cell<bool>,
    draining: Cell<bool>,
    ended: Cell<bool>,
}

impl Driver {
    pub(crate) fn start(settings: Settings) -> Rc<Self> {
        let driver = Rc::new_cyclic(|me| Self {
            me: me.clone(),
            core: RefCell::new(Client::new(settings.core, settings.seed, clock::now())),
            recording: property(settings.callbacks.as_ref(), "record").is_function(),
            callbacks: settings.callbacks,
            opener: Opener::new(settings.url, settings.web_socket),
            socket: RefCell::default(),
            alarm: RefCell::default(),
            signals: RefCell::default(),
            notifier: Notifier::default(),
            interest: RefCell::default(),
            frame: RefCell::default(),
            hidden: Cell::new(signals::is_hidden()),
            draining: Cell::new(false),
            ended: Cell::new(false),
        });
        *driver.signals.borrow_mut() = Some(Signals::listen(&driver.me));
        if driver.hidden.get() {
            driver.handle(Input::Wake(Wake::Hidden));
        }
        if signals::is_offline() {
            driver.handle(Input::Wake(Wake::Offline));
        }
        driver
    }

    /// Ends everything at once, whoever still holds this.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.signals.borrow_mut().take();
        self.alarm.borrow_mut().take();
        self.notifier.take_all();
        let socket = self.socket.borrow_mut().take();
        if let Some(socket) = socket {
            socket.close(1000);
        }
    }

    pub(crate) fn command(&self, command: Command) {
        self.handle(Input::Command(command));
    }

    pub(crate) fn handle_frame(&self, conn: Conn, data: &JsValue) {
        let mut frame = self.frame.take();
        let mut kept = JsValue::UNDEFINED;
        if let Some(text) = data.as_string() {
            frame.clear();
            frame.extend_from_slice(text.as_bytes());
        } else if is_bytes(data) {
            let bytes = js_sys::Uint8Array::new(data);
            frame.resize(bytes.length() as usize, 0);
            bytes.copy_to(&mut frame);
            // A browser's socket makes a buffer for each frame and forgets it; others might use theirs again.
            if self.opener.is_browsers() {
                kept = bytes.into();
            }
        } else {
            // Neither text nor bytes: a socket that ignores `binaryType`. One byte that cannot be read gets it counted.
            frame.clear();
            frame.push(0xff);
        }
        self.handle_kept(Input::Frame { conn, bytes: &frame }, kept);
        self.frame.replace(frame);
    }

    pub(crate) fn handle_closed(&self, conn: Conn, code: u16, reason: &str) {
        let closed = self.socket.borrow_mut().take_if(|socket| socket.conn() == conn);
        drop(closed);
        self.handle(Input::Closed { conn, code, reason });
    }

    /// The page may be kept in the back/forward cache, where nothing runs and no socket may stay open: the core finds its place
    /// again when the page is shown.
    pub(crate) fn handle_leaving(&self) {
        let socket = self.socket.borrow_mut().take();
        if let Some(socket) = socket {
            let conn = socket.conn();
            socket.close(1000);
            self.handle(Input::Closed { conn, code: 1001, reason: "" });
        }
    }

    pub(crate) fn handle_wake(&self, wake: Wake) {
        match wake {
            Wake::Hidden => {
                self.hidden.set(true);
                // A frame that was asked for would not come any more.
                let waiting = self.notifier.take_all();
                self.tell_changed(waiting);
            }
            Wake::Visible | Wake::Resumed => self.hidden.set(signals::is_hidden()),
            Wake::Online | Wake::Offline => {}
        }
        self.handle(Input::Wake(wake));
        // The `online` event may have come while the page was frozen.
        if matches!(wake, Wake::Visible | Wake::Resumed) && !signals::is_offline() {
            self.handle(Input::Wake(Wake::Online));
        }
    }

    pub(crate) fn handle(&self, input: Input<'_>) {
        self.handle_kept(input, JsValue::UNDEFINED);
    }

    /// `kept`: what the recorder may keep of the input in place of a copy.
    fn handle_kept(&self, input: Input<'_>, kept: JsValue) {
        if self.ended.get() {
            return;
        }
        self.feed(input, kept);
        if self.draining.replace(true) {
            return;
        }
        while let Some(output) = self.next_output() {
            self.perform(output);
        }
        self.draining.set(false);
        self.set_alarm();
    }

    fn feed(&self, input: Input<'_>, kept: JsValue) {
        let now = clock::now();
        if self.recording {
            recording::note(&self.callbacks, now, &input, kept);
        }
        if let Ok(mut core) = self.core.try_borrow_mut() {
            core.handle(now, input);
        }
    }

    fn next_output(&self) -> Option<Output> {
        if self.ended.get() { None } else { self.core.try_borrow_mut().ok()?.poll_output() }
    }

    fn perform(&self, output: Output) {
        match output {
            Output::Connect { conn } => self.connect(conn),
            Output::Send { conn, bytes } => self.send(conn, &bytes),
            Output::Close { conn, code } => {
                let socket = self.socket.borrow_mut().take_if(|socket| socket.conn() == conn);
                if let Some(socket) = socket {
                    socket.close(code);
                }
            }
            Output::RequestToken { request, reason } => self.callbacks.say_text(Tell::Token, request, reason.as_str()),
            Output::Fetch { fetch, path, token, body } => {
                let body = js_sys::Uint8Array::from(body.as_slice());
                self.outside(0, fetch, path, &JsValue::from_str(&token), &body);
            }
            Output::AbortFetch { fetch } => self.outside(1, fetch, "", &JsValue::UNDEFINED, &JsValue::UNDEFINED),
            Output::OpenSaved { scope } => self.outside(2, 0, &scope, &JsValue::UNDEFINED, &JsValue::UNDEFINED),
            Output::Save { id, bytes } => {
                let bytes = js_sys::Uint8Array::from(bytes.as_slice());
                self.outside(3, 0, &id, &bytes, &JsValue::UNDEFINED);
            }
            Output::Forget { id } => self.outside(4, 0, &id, &JsValue::UNDEFINED, &JsValue::UNDEFINED),
            Output::EraseSaved => self.outside(5, 0, "", &JsValue::UNDEFINED, &JsValue::UNDEFINED),
            Output::Changed(slices) => {
                if let Some(urgent) = self.notifier.add(slices, self.hidden.get(), &self.me) {
                    self.tell_changed(urgent);
                }
            }
            Output::Emit(event) => self.tell(event),
        }
    }

    #[inline(never)]
    fn outside(&self, kind: u32, number: u32, a: &str, b: &JsValue, c: &JsValue) {
        self.callbacks.outside(kind, number, &JsValue::from_str(a), b, c);
    }

    fn connect(&self, conn: Conn) {
        let old = self.socket.borrow_mut().take();
        drop(old);
        match Socket::open(&self.opener, conn, &self.me) {
            Ok(socket) => *self.socket.borrow_mut() = Some(socket),
            Err(thrown) => {
                // Mixed content, a security policy, a constructor that throws: as good as a connection that was lost at once.
                self.tell_thrown("socket_blocked", &thrown, None);
                self.feed(Input::Closed { conn, code: 1006, reason: "" }, JsValue::UNDEFINED);
            }
        }
    }

    fn send(&self, conn: Conn, bytes: &[u8]) {
        let open = self.socket.borrow().as_ref().filter(|socket| socket.conn() == conn).map(Socket::handle);
        // Closed in between: the core learns it by its own `Closed`.
        let Some(open) = open else { return };
        if let Err(thrown) = socket::send(&open, bytes) {
            self.tell_thrown("send_failed", &thrown, None);
        }
    }

    #[inline(never)]
    fn tell_thrown(&self, code: &str, thrown: &JsValue, channel: Option<&str>) {
        let message = property(thrown, "message").as_string().unwrap_or_default();
        self.callbacks.error(code, &message, channel);
    }

    fn tell(&self, event: ClientEvent) {
        let to = &self.callbacks;
        match event {
            ClientEvent::Event(event) => {
                if !self.interest.borrow().includes(&event.channel) {
                    return;
                }
                match events::to_js(&event) {
                    Ok(object) => to.say(Tell::Event, 0, &object),
                    Err(thrown) => self.tell_thrown("bad_data", &thrown, Some(&event.channel)),
                }
            }
            ClientEvent::Resync { channel } => to.say_text(Tell::Resync, 0, &channel),
            ClientEvent::Error { code, message, channel } => to.error(code, &message, channel.as_deref()),
            ClientEvent::Settled { request, result: Ok(settlement) } => {
                let value = match settlement {
                    Settlement::Published { offset } => JsValue::from_f64(offset as f64),
                    Settlement::Answer(json) => JsValue::from_str(json.as_str()),
                    Settlement::Pong { round_trip_ms } => JsValue::from_f64(round_trip_ms as f64),
                };
                to.say(Tell::Settled, request.0, &value);
            }
            ClientEvent::Settled { request, result: Err(failure) } => to.say(Tell::Failed, request.0, &views::failure(&failure)),
            // No request of the page has the number 0.
            ClientEvent::PresenceGiven(json) => to.say_text(Tell::Settled, 0, json.as_str()),
            ClientEvent::Delivery { request, channel, state, .. } => {
                let (request, channel) = (request.map_or(0, |request| request.0), JsValue::from_str(&channel));
                let failure = if let Delivery::Failed(failure) = &state { views::failure(failure) } else { JsValue::UNDEFINED };
                self.outside(6, request, state.as_str(), &channel, &failure);
            }
            ClientEvent::ToastShown(toast) => to.say(Tell::ToastShown, 0, &views::toast(&toast)),
            ClientEvent::ToastClicked(toast) => to.say(Tell::ToastClicked, 0, &views::toast(&toast)),
            ClientEvent::Unauthorized { reason } => to.say_text(Tell::Unauthorized, 0, reason),
        }
    }

    pub(crate) fn tell_changed(&self, slices: Slices) {
        if !slices.is_empty() && !self.ended.get() {
            self.callbacks.say(Tell::Changed, slices.0, &JsValue::UNDEFINED);
        }
    }

    fn set_alarm(&self) {
        let mut deadline = None;
        self.read(&mut |client| deadline = client.poll_timeout());
        let Some(deadline) = deadline.filter(|_| !self.ended.get()) else {
            self.alarm.borrow_mut().take();
            return;
        };
        // One that comes earlier is left alone: nothing is due then, and it is set anew. So what moves with each frame (the silence
        // after it) costs a timer now and then, not one for each frame.
        if self.alarm.borrow().as_ref().is_some_and(|(set_for, _)| *set_for <= deadline) {
            return;
        }
        self.alarm.borrow_mut().take();
        // One more, because timers may fire within the millisecond before their time.
        let wait_ms = (deadline.since(clock::now().monotonic) + 1).min(LONGEST_WAIT_MS);
        let timer = clock::after(wait_ms as u32, &self.me, |driver| {
            driver.alarm.borrow_mut().take();
            driver.handle(Input::Tick);
        });
        *self.alarm.borrow_mut() = Some((deadline, timer));
    }

    /// Reads the core. What `read` calls must not run the page's code.
    pub(crate) fn read(&self, read: &mut dyn FnMut(&Client)) {
        if let Ok(core) = self.core.try_borrow() {
            read(&core);
        }
    }
    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }
    pub(crate) fn interest(&self) -> &RefCell<Interest> {
        &self.interest
    }
}
