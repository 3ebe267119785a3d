//! The connection that listens: what other relays published, and a canary that tells whether anything gets through.
//!
//! Why a canary: a subscription can die in silence, with every health check green and every publication accepted. One message
//! goes THROUGH Redis every two seconds; where it does not come back the connection is made anew.
//!
//! After each new connection every held channel is compared with its stream: what was told meanwhile was told to nobody.
//!
//! What waits to be looked at is bounded ([`super::pushes`]): a relay that stalls drops it, connects again and reads the streams.
//!
//! RESP3, because only there one connection takes `SUBSCRIBE` and `SSUBSCRIBE` alike, several in one write.

use super::Inner;
use super::link::{backoff, reason};
use super::pushes::{Pushes, pushes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Msg, PushKind};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// How often the canary is sent. It is missed after [`CANARY_OVERDUE`], noticed one tick later: within ten seconds.
const CANARY_EVERY: Duration = Duration::from_secs(2);
const CANARY_OVERDUE: Duration = Duration::from_secs(7);
/// Names in one write, where there are many.
const ASKED_AT_ONCE: usize = 500;
/// A connection that lasted so long was a good one: the next try is not a repetition.
const GOOD_AFTER: Duration = Duration::from_secs(10);

const TOO_MUCH: &str = "more was told than this relay keeps up with: it is dropped, and the streams are read";

/// What the broker asks of the feed.
pub(super) enum Ask {
    /// Listen to this name, and say when that is so; the answer is false where it is not.
    Subscribe(String, oneshot::Sender<bool>),
    /// No longer.
    Unsubscribe(String),
}

/// Where to connect to, and how.
pub(super) struct Feed {
    /// One that speaks RESP3.
    pub(super) client: Client,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) sharded: bool,
}

/// A connection that listens to everything that is held.
struct Open {
    connection: MultiplexedConnection,
    pushes: Pushes,
}

impl Feed {
    /// Runs until the broker is gone.
    pub(super) async fn run(self, inner: Weak<Inner>, mut asks: mpsc::UnboundedReceiver<Ask>) {
        let mut failures = 0_u32;
        loop {
            let Some(broker) = inner.upgrade() else { return };
            let problem = match self.connect(&broker).await {
                Ok(open) => {
                    broker.handle_feed_up();
                    drop(broker);
                    let began = Instant::now();
                    let problem = self.listen(&inner, open, &mut asks).await.to_owned();
                    if began.elapsed() >= GOOD_AFTER {
                        failures = 0;
                    }
                    problem
                }
                Err(problem) => problem,
            };
            let Some(broker) = inner.upgrade() else { return };
            broker.handle_feed_down(&problem);
            let delay = sleep(backoff(failures, &broker.entropy));
            failures = failures.saturating_add(1);
            drop(broker);
            tokio::pin!(delay);
            loop {
                tokio::select! {
                    () = &mut delay => break,
                    ask = asks.recv() => match ask {
                        // Whoever asked may have gone; names that are held are asked for by the next connection.
                        Some(Ask::Subscribe(_, answer)) => { let _ = answer.send(false); }
                        Some(Ask::Unsubscribe(_)) => {}
                        None => return,
                    },
                }
            }
        }
    }

    async fn connect(&self, broker: &Arc<Inner>) -> Result<Open, String> {
        let (sender, pushes) = pushes();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.timeout))
            .set_push_sender(sender);
        let within = self.connect_timeout + self.timeout;
        let connecting = timeout(within, self.client.get_multiplexed_async_connection_with_config(&config));
        let connection = connecting.await.map_err(|_| "no answer in time".to_owned())?.map_err(|error| reason(&error))?;
        let mut names = broker.held_names();
        names.push(broker.canary.clone());
        for some in names.chunks(ASKED_AT_ONCE) {
            let commands = some.iter().map(|name| (true, name.as_str()));
            self.ask(connection.clone(), commands).await?;
        }
        Ok(Open { connection, pushes })
    }

    /// Subscribes to these names or unsubscribes from them, in their order.
    fn ask<'n>(
        &self,
        mut connection: MultiplexedConnection,
        names: impl Iterator<Item = (bool, &'n str)>,
    ) -> BoxFuture<'static, Result<(), String>> {
        let mut commands = redis::pipe();
        for (begins, name) in names {
            commands.cmd(match (begins, self.sharded) {
                (true, false) => "SUBSCRIBE",
                (true, true) => "SSUBSCRIBE",
                (false, false) => "UNSUBSCRIBE",
                (false, true) => "SUNSUBSCRIBE",
            });
            commands.arg(name);
        }
        let within = self.timeout;
        async move {
            let asked = timeout(within, commands.query_async::<Vec<redis::Value>>(&mut connection)).await;
            asked.map_err(|_| "no answer in time".to_owned())?.map(drop).map_err(|error| reason(&error))
        }
        .boxed()
    }

    /// Listens until the connection is no good; says why.
    async fn listen(&self, inner: &Weak<Inner>, mut open: Open, asks: &mut mpsc::UnboundedReceiver<Ask>) -> &'static str {
        let mut canary = interval(CANARY_EVERY);
        canary.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let (mut pushed, mut asked) = (Vec::new(), Vec::new());
        let mut asking: Option<BoxFuture<'static, bool>> = None;
        loop {
            tokio::select! {
                count = open.pushes.take(&mut pushed) => {
                    let Some(broker) = inner.upgrade() else { return "the relay is gone" };
                    if count == 0 || pushed.iter().any(|push| push.kind == PushKind::Disconnection) {
                        return "the connection is lost";
                    }
                    if open.pushes.are_too_many() { return TOO_MUCH }
                    for message in pushed.drain(..).filter_map(Msg::from_push_info) {
                        let name = message.get_channel_name();
                        if name == broker.canary {
                            heard = Instant::now();
                        } else {
                            broker.handle_told(name, message.get_payload_bytes());
                        }
                    }
                }
                done = until_done(&mut asking) => {
                    asking = None;
                    if !done { return "a subscription was not confirmed" }
                }
                count = asks.recv_many(&mut asked, ASKED_AT_ONCE), if asking.is_none() => {
                    if count == 0 { return "the relay is gone" }
                    asking = Some(self.answer(&open.connection, std::mem::take(&mut asked)));
                }
                _ = canary.tick() => {
                    if open.pushes.are_too_many() { return TOO_MUCH }
                    if heard.elapsed() > CANARY_OVERDUE { return "the canary did not come back: the subscription is wedged" }
                    let Some(broker) = inner.upgrade() else { return "the relay is gone" };
                    tokio::spawn(async move { broker.send_canary().await });
                }
            }
        }
    }

    /// Does what was asked and says so to who asked.
    fn answer(&self, connection: &MultiplexedConnection, asks: Vec<Ask>) -> BoxFuture<'static, bool> {
        let names = asks.iter().map(|ask| match ask {
            Ask::Subscribe(name, _) => (true, name.as_str()),
            Ask::Unsubscribe(name) => (false, name.as_str()),
        });
        let done = self.ask(connection.clone(), names);
        async move {
            let done = done.await.is_ok();
            for ask in asks {
                if let Ask::Subscribe(_, answer) = ask {
                    // Whoever asked may have gone.
                    let _ = answer.send(done);
                }
            }
            done
        }
        .boxed()
    }
}

async fn until_done(asking: &mut Option<BoxFuture<'static, bool>>) -> bool {
    match asking {
        Some(asking) => asking.await,
        None => std::future::pending().await,
    }
}
