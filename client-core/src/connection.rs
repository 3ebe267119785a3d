//! Every transition of the connection, in one table.
//!
//! Longer than 400 lines because the table is one idea: a second place where the state changes would be the first bug.
//!
//! States are named for what they wait for and hold what they need while they wait. [`Connection::step`] is the only place that
//! changes the state; what has to be done about it goes out as [`Effect`]s, which `client.rs` carries out in order.
//!
//! At most one socket exists at any time: a state that holds a `conn` is left only after that socket was reported closed or an
//! [`Effect::CloseSocket`] was given.
//!
//! Polling (row C10) is no state of its own but stands beside them ([`Fallback`]): while it carries the page, the socket is
//! tried on and on, by the same table.

use crate::backoff::delay_ms;
use crate::config::Config;
use crate::input::Conn;
use crate::output::TokenReason;
use crate::rng::Rng;
use crate::status::{ConnectionState, ConnectionStatus};
use crate::time::{Millis, Now};
use crate::timers::{Timer, Timers};
use crate::token::Tokens;
use pulsewire_protocol::error::retry_after_from_reason;
use pulsewire_protocol::{CloseAction, CloseCode, TokenProblem};

/// While polling works, the socket is tried at least this often: a try that hangs takes another 10 s, and whoever lifts the
/// blockade is promised the socket within 30 s.
const MAX_UPGRADE_DELAY_MS: u64 = 15_000;
/// A relay may ask for at most this long a pause.
const MAX_MANDATED_DELAY_MS: u64 = 5 * 60_000;
/// The code with which the client gives up a socket that does not answer.
const GIVE_UP: u16 = CloseCode::TIMEOUT.0;

/// What the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The first `Connect`.
    Idle,
    /// The page's token.
    AwaitingToken,
    /// The socket to open.
    AwaitingSocket { conn: Conn },
    /// The relay's `welcome`.
    AwaitingWelcome { conn: Conn },
    /// Nothing: it is up. `probing` while a ping decides whether it still is.
    Connected { conn: Conn, probing: bool },
    /// The next try; `mandated` by the relay, or by backoff.
    AwaitingRetry { mandated: bool },
    /// A network.
    AwaitingNetwork,
    /// `Connect`, after the sign-in.
    Unauthorized,
    /// `Connect`: closed on purpose, or by a relay that does not want it back.
    Closed,
}

/// How far polling stands in for the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// The socket is good enough, or not yet given up.
    Off,
    /// Polls are made; the last one failed, or none was answered yet.
    Trying,
    /// The last poll was answered.
    Working,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening<'a> {
    Start,
    Stop,
    /// A token is there.
    TokenGiven,
    /// The page could not give one, or did not in time.
    TokenUnavailable,
    /// What the page gave is no token.
    TokenBad(TokenProblem),
    Opened,
    Welcomed,
    /// The relay answered `connect` with an error, or unreadably.
    WelcomeRefused {
        reason: &'static str,
        retry_after_ms: Option<u64>,
    },
    Lost {
        code: u16,
        reason: &'a str,
    },
    HandshakeOverdue,
    Silent,
    Alive,
    ProbeOverdue,
    RetryDue,
    /// Seen, thawed or awake again.
    Woke,
    NetworkCame,
    NetworkWent,
    /// A poll was answered.
    Polled,
    /// A poll was not, or with an error.
    PollFailed,
    /// A poll, or a post, was refused for its token.
    HttpUnauthorized(TokenProblem),
}

/// What has to be done about a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    AskToken(TokenReason),
    OpenSocket(Conn),
    CloseSocket {
        conn: Conn,
        code: u16,
    },
    SendConnect,
    SendProbe,
    /// Poll now; the poll under way, if any, is given up.
    Poll,
    /// Give up the poll under way, and make no more.
    StopPolling,
    /// The connection, or the try, is over: nothing of it will be answered any more.
    LetGo,
    /// Stopped: the token was refused twice.
    Unauthorized(&'static str),
    /// Stopped: the relay does not want this client back.
    Banned {
        code: u16,
        reason: &'static str,
    },
    /// A message was too large and its connection died of it.
    MessageDropped,
}

/// What a transition may use.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a Config,
    pub(crate) rng: &'a mut Rng,
    pub(crate) timers: &'a mut Timers,
    pub(crate) tokens: &'a mut Tokens,
    pub(crate) status: &'a mut ConnectionStatus,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Context<'_> {
    /// The relay's clock, as far as it is known.
    pub(crate) fn relay_now(&self) -> u64 {
        self.now.unix.0.saturating_add_signed(self.status.clock_offset_ms)
    }
    fn arm(&mut self, timer: Timer, delay_ms: u64) {
        self.timers.set(timer, Some(self.now.monotonic.plus(delay_ms)));
    }
    fn disarm(&mut self, timers: &[Timer]) {
        for timer in timers {
            self.timers.set(*timer, None);
        }
    }
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) state: State,
    /// The machine says that it has no network.
    offline: bool,
    /// Failures since the last connection that stayed up.
    failures: u32,
    /// Tries in a row that were not welcomed.
    failed_tries: u32,
    fallback: Fallback,
    last_conn: u32,
    /// Whether the try under way is the first since `Connect`.
    first: bool,
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self { state: State::Idle, offline: false, failures: 0, failed_tries: 0, fallback: Fallback::Off, last_conn: 0, first: true }
    }
    /// The one socket there is.
    pub(crate) fn conn(&self) -> Option<Conn> {
        match self.state {
            State::AwaitingSocket { conn } | State::AwaitingWelcome { conn } | State::Connected { conn, .. } => Some(conn),
            _ => None,
        }
    }
    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }
    /// Whether polls are to be made.
    pub(crate) fn polls(&self) -> bool {
        self.fallback != Fallback::Off && self.state != State::AwaitingNetwork
    }
    /// Whether polling carries the page now.
    pub(crate) fn is_polling(&self) -> bool {
        self.polls() && self.fallback == Fallback::Working
    }
    /// It stayed up long enough to count as good.
    pub(crate) fn handle_stable(&mut self) {
        self.failures = 0;
    }

    /// The table: what happens, in which state, and what follows.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>, happening: Happening<'_>) {
        use Happening as H;
        use State as S;
        if self.fallback != Fallback::Off && !self.offline && matches!(happening, H::Woke) {
            // The poll under way may have died in its sleep.
            cx.effects.push(Effect::Poll);
        }
        match (self.state, happening) {
            // On purpose.
            (S::Idle | S::Closed | S::Unauthorized | S::AwaitingRetry { .. } | S::AwaitingNetwork, H::Start) => self.start(cx),
            (S::AwaitingToken | S::AwaitingSocket { .. } | S::AwaitingWelcome { .. } | S::Connected { .. }, H::Start) => {}
            (_, H::Stop) => self.stop(cx),

            // Towards a connection.
            (S::AwaitingToken, H::TokenGiven) => self.open(cx),
            (S::AwaitingToken, H::TokenUnavailable) => {
                cx.tokens.give_up_asking();
                self.fail(cx, "token_unavailable", None);
            }
            (S::AwaitingToken, H::TokenBad(TokenProblem::Expired)) => {
                // By this machine's clock, which may be wrong: no refusal, but worth one more question.
                cx.tokens.discard(TokenReason::Expired);
                self.attempt(cx);
                self.note_interruption(cx);
                cx.status.reason = Some(TokenProblem::Expired.as_str());
            }
            (S::AwaitingToken, H::TokenBad(problem)) => self.refuse_token(cx, problem),
            (S::AwaitingSocket { conn }, H::Opened) => {
                self.state = S::AwaitingWelcome { conn };
                cx.effects.push(Effect::SendConnect);
            }
            (S::AwaitingWelcome { conn }, H::Welcomed) => self.connected(cx, conn),
            (S::AwaitingWelcome { conn }, H::WelcomeRefused { reason, retry_after_ms }) => {
                self.drop_socket(cx, conn);
                self.fail(cx, reason, retry_after_ms);
            }
            (S::AwaitingSocket { conn } | S::AwaitingWelcome { conn }, H::HandshakeOverdue) => {
                // Something on the way swallows it: two more such tries would only take longer.
                self.failed_tries = self.failed_tries.max(cx.config.polling.after_tries);
                self.drop_socket(cx, conn);
                self.fail(cx, "timeout", None);
            }

            // Away from it.
            (S::AwaitingSocket { .. } | S::AwaitingWelcome { .. } | S::Connected { .. }, H::Lost { code, reason }) => {
                self.lost(cx, CloseCode(code), reason);
            }
            (S::Connected { conn, .. }, H::Silent) => {
                self.drop_socket(cx, conn);
                self.fail(cx, "timeout", None);
            }

            // Beside the tries.
            (_, H::Polled) if self.polls() => {
                self.fallback = Fallback::Working;
                cx.tokens.handle_accepted(cx.now.monotonic);
                cx.status.interrupted = false;
                cx.disarm(&[Timer::Interrupted]);
            }
            (_, H::PollFailed) if self.polls() => {
                self.fallback = Fallback::Trying;
                self.note_interruption(cx);
            }
            (_, H::HttpUnauthorized(problem)) if self.polls() => {
                // A try with the same token would only be refused again.
                if let Some(conn) = self.conn() {
                    self.drop_socket(cx, conn);
                }
                self.let_go(cx);
                self.refuse_token(cx, problem);
            }

            // Waking up: a connection is asked whether it lives, a pause ends early.
            (S::Connected { conn, probing: false }, H::Woke | H::NetworkCame | H::NetworkWent) => {
                self.note_network(happening);
                self.state = S::Connected { conn, probing: true };
                cx.arm(Timer::Probe, cx.config.probe_timeout_ms);
                cx.effects.push(Effect::SendProbe);
            }
            (S::Connected { conn, probing: true }, H::Alive) => {
                // Whatever the machine says of its network: this one works.
                self.offline = false;
                self.state = S::Connected { conn, probing: false };
                cx.disarm(&[Timer::Probe]);
            }
            (S::Connected { conn, probing: true }, H::ProbeOverdue) => {
                self.drop_socket(cx, conn);
                if self.offline { self.fail(cx, "offline", None) } else { self.retry_now(cx, "timeout") }
            }
            (S::AwaitingRetry { mandated: false }, H::Woke) if !self.offline => self.attempt(cx),
            (S::AwaitingRetry { mandated: false }, H::NetworkCame) | (S::AwaitingNetwork, H::NetworkCame) => {
                self.offline = false;
                self.attempt(cx);
                if self.fallback != Fallback::Off {
                    cx.effects.push(Effect::Poll);
                }
            }
            (S::AwaitingRetry { mandated: false }, H::NetworkWent) => self.await_network(cx),
            (S::AwaitingRetry { .. }, H::RetryDue) => {
                if self.offline {
                    self.await_network(cx);
                } else {
                    self.attempt(cx);
                }
            }
            (_, H::NetworkCame | H::NetworkWent) => self.note_network(happening),

            // Late news of what is over.
            (
                _,
                H::TokenGiven
                | H::TokenUnavailable
                | H::TokenBad(_)
                | H::Opened
                | H::Welcomed
                | H::WelcomeRefused { .. }
                | H::Lost { .. }
                | H::HandshakeOverdue
                | H::Silent
                | H::Alive
                | H::ProbeOverdue
                | H::RetryDue
                | H::Woke
                | H::Polled
                | H::PollFailed
                | H::HttpUnauthorized(_),
            ) => {}
        }
        self.show(cx);
    }

    fn note_network(&mut self, happening: Happening<'_>) {
        match happening {
            Happening::NetworkCame => self.offline = false,
            Happening::NetworkWent => self.offline = true,
            _ => {}
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        self.failures = 0;
        self.failed_tries = 0;
        self.first = true;
        cx.tokens.refusals = 0;
        cx.status.reason = None;
        cx.status.close_code = None;
        if self.fallback != Fallback::Off {
            cx.effects.push(Effect::Poll);
        }
        self.attempt(cx);
    }

    fn stop(&mut self, cx: &mut Context<'_>) {
        if let Some(conn) = self.conn() {
            cx.effects.push(Effect::CloseSocket { conn, code: CloseCode::NORMAL.0 });
            cx.effects.push(Effect::LetGo);
        }
        self.rest(cx, State::Closed);
        cx.tokens.forget();
        cx.status.reason = None;
    }

    /// Nothing goes on any more.
    fn rest(&mut self, cx: &mut Context<'_>, state: State) {
        self.state = state;
        self.failures = 0;
        self.end_polling(cx);
        cx.disarm(&[
            Timer::Retry,
            Timer::Token,
            Timer::Handshake,
            Timer::Silence,
            Timer::Probe,
            Timer::Stable,
            Timer::Interrupted,
            Timer::Refresh,
        ]);
        cx.tokens.give_up_asking();
        cx.status.interrupted = false;
    }

    /// A try: with the token at hand, or with one that the page gives first.
    fn attempt(&mut self, cx: &mut Context<'_>) {
        cx.disarm(&[Timer::Retry]);
        if cx.tokens.is_usable(cx.relay_now()) {
            self.open(cx);
        } else {
            self.state = State::AwaitingToken;
            cx.arm(Timer::Token, cx.config.token_timeout_ms);
            let reason = cx.tokens.reason(cx.relay_now());
            cx.effects.push(Effect::AskToken(reason));
        }
    }

    fn open(&mut self, cx: &mut Context<'_>) {
        self.last_conn = self.last_conn.wrapping_add(1);
        let conn = Conn(self.last_conn);
        self.state = State::AwaitingSocket { conn };
        cx.tokens.mark_tried();
        cx.disarm(&[Timer::Token]);
        cx.arm(Timer::Handshake, cx.config.handshake_timeout_ms);
        cx.effects.push(Effect::OpenSocket(conn));
    }

    fn connected(&mut self, cx: &mut Context<'_>, conn: Conn) {
        self.state = State::Connected { conn, probing: false };
        self.first = false;
        self.offline = false;
        self.end_polling(cx);
        cx.tokens.refusals = 0;
        cx.disarm(&[Timer::Handshake, Timer::Interrupted]);
        cx.arm(Timer::Stable, cx.config.stable_uptime_ms);
        cx.status.interrupted = false;
        cx.status.ever_connected = true;
        cx.status.reason = None;
        cx.status.close_code = None;
    }

    fn end_polling(&mut self, cx: &mut Context<'_>) {
        self.failed_tries = 0;
        if self.fallback != Fallback::Off {
            self.fallback = Fallback::Off;
            cx.effects.push(Effect::StopPolling);
        }
    }

    fn drop_socket(&mut self, cx: &mut Context<'_>, conn: Conn) {
        cx.status.close_code = Some(GIVE_UP);
        cx.effects.push(Effect::CloseSocket { conn, code: GIVE_UP });
    }

    /// The relay, or the network, ended it: the table of close codes decides.
    fn lost(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &str) {
        let was_good = self.is_connected() && self.failures == 0;
        cx.status.close_code = Some(code.0);
        match code.action() {
            CloseAction::Reconnect => self.fail(cx, word(code), None),
            CloseAction::ReconnectDropping => {
                cx.effects.push(Effect::MessageDropped);
                self.fail(cx, "too_large", None);
            }
            CloseAction::ReconnectAfter => self.fail(cx, word(code), retry_after_from_reason(reason)),
            CloseAction::RenewToken => {
                cx.tokens.discard(TokenReason::Expired);
                // At once, but not in a circle: a connection that never became a good one waits its turn.
                if was_good { self.retry_now(cx, "token_expired") } else { self.fail(cx, "token_expired", None) }
            }
            CloseAction::RenewTokenOnce => {
                self.let_go(cx);
                self.refuse_token(cx, TokenProblem::from_reason(reason).unwrap_or(TokenProblem::Invalid));
            }
            CloseAction::StopProtocol => self.ban(cx, code, "protocol_error"),
            CloseAction::StopForbidden => self.ban(cx, code, "forbidden"),
        }
    }

    fn ban(&mut self, cx: &mut Context<'_>, code: CloseCode, reason: &'static str) {
        self.let_go(cx);
        self.rest(cx, State::Closed);
        cx.status.reason = Some(reason);
        cx.effects.push(Effect::Banned { code: code.0, reason });
    }

    /// A token was refused, by its looks or by the relay: another one is asked for once.
    fn refuse_token(&mut self, cx: &mut Context<'_>, problem: TokenProblem) {
        let ended = problem == TokenProblem::Expired;
        cx.tokens.discard(if ended { TokenReason::Expired } else { TokenReason::Refused });
        cx.tokens.handle_refused(cx.now.monotonic);
        if cx.tokens.refusals < 2 {
            self.attempt(cx);
            self.note_interruption(cx);
        } else {
            self.rest(cx, State::Unauthorized);
            cx.effects.push(Effect::Unauthorized(problem.as_str()));
        }
        cx.status.reason = Some(problem.as_str());
    }

    /// A try, or a connection, failed: wait for the next one.
    fn fail(&mut self, cx: &mut Context<'_>, reason: &'static str, retry_after_ms: Option<u64>) {
        if matches!(self.state, State::AwaitingSocket { .. } | State::AwaitingWelcome { .. }) {
            self.failed_tries = self.failed_tries.saturating_add(1);
        }
        self.let_go(cx);
        self.failures = self.failures.saturating_add(1);
        cx.status.reason = Some(reason);
        self.note_interruption(cx);
        if self.offline && retry_after_ms.is_none() {
            self.await_network(cx);
            return;
        }
        let longest = if self.fallback == Fallback::Working { MAX_UPGRADE_DELAY_MS } else { u64::MAX };
        let delay = match retry_after_ms {
            Some(mandated) => mandated.min(MAX_MANDATED_DELAY_MS),
            None => delay_ms(&cx.config.backoff, self.failures, cx.rng).min(longest),
        };
        self.state = State::AwaitingRetry { mandated: retry_after_ms.is_some() };
        cx.arm(Timer::Retry, delay);
        // A relay that asks for a pause is there: polling would not be kinder to it.
        let after_tries = cx.config.polling.after_tries;
        if self.fallback == Fallback::Off && retry_after_ms.is_none() && (1..=self.failed_tries).contains(&after_tries) {
            self.fallback = Fallback::Trying;
            cx.effects.push(Effect::Poll);
        }
    }

    /// A connection ended in a way that waiting would not mend.
    fn retry_now(&mut self, cx: &mut Context<'_>, reason: &'static str) {
        self.let_go(cx);
        cx.status.reason = Some(reason);
        self.note_interruption(cx);
        self.attempt(cx);
    }

    fn await_network(&mut self, cx: &mut Context<'_>) {
        self.offline = true;
        self.state = State::AwaitingNetwork;
        if self.fallback != Fallback::Off {
            self.fallback = Fallback::Trying;
            cx.effects.push(Effect::StopPolling);
        }
        cx.disarm(&[Timer::Retry]);
        cx.status.reason = Some("offline");
    }

    fn let_go(&mut self, cx: &mut Context<'_>) {
        self.first = false;
        cx.disarm(&[Timer::Token, Timer::Handshake, Timer::Silence, Timer::Probe, Timer::Stable, Timer::Refresh]);
        cx.effects.push(Effect::LetGo);
    }

    fn note_interruption(&mut self, cx: &mut Context<'_>) {
        if self.fallback != Fallback::Working && !cx.status.interrupted && cx.timers.at(Timer::Interrupted).is_none() {
            cx.arm(Timer::Interrupted, cx.config.interrupted_after_ms);
        }
    }

    /// Writes the state into what the page sees.
    fn show(&self, cx: &mut Context<'_>) {
        let state = match self.state {
            State::Idle => ConnectionState::Idle,
            _ if self.is_polling() => ConnectionState::Polling,
            State::AwaitingToken | State::AwaitingSocket { .. } | State::AwaitingWelcome { .. } if self.first => {
                ConnectionState::Connecting
            }
            State::AwaitingToken
            | State::AwaitingSocket { .. }
            | State::AwaitingWelcome { .. }
            | State::AwaitingRetry { .. }
            | State::AwaitingNetwork => ConnectionState::Reconnecting,
            State::Connected { .. } => ConnectionState::Connected,
            State::Unauthorized => ConnectionState::Unauthorized,
            State::Closed => ConnectionState::Closed,
        };
        if cx.status.state != state {
            cx.status.state = state;
            cx.status.since = cx.now.unix;
        }
        cx.status.attempt = if self.is_connected() { 0 } else { self.failures };
        cx.status.next_retry_at = cx.timers.at(Timer::Retry).map(|at: Millis| cx.now.unix.plus(at.since(cx.now.monotonic)));
        if !self.is_connected() {
            cx.status.connection_id = None;
        }
    }
}

/// Why a connection ended, in a word.
fn word(code: CloseCode) -> &'static str {
    match code {
        CloseCode::NORMAL | CloseCode::GOING_AWAY => "closed_by_relay",
        CloseCode::TIMEOUT => "timeout",
        CloseCode::SLOW_CONSUMER => "slow_consumer",
        CloseCode::RATE_LIMITED => "rate_limited",
        CloseCode::UNAVAILABLE => "unavailable",
        _ => "lost",
    }
}
