//! What runs beside the connections: the resource monitor, statistics, replay and simulator, the files of keys, and the metrics'
//! own listener.

use crate::api::Api;
#[cfg(feature = "domain")]
use crate::domain::Domain;
use crate::feed::Feeds;
use crate::limits::Terms;
use crate::monitor::source::Process;
use crate::observe::faults::fault;
use crate::relay::Relay;
#[cfg(feature = "domain")]
use crate::store::{Place, Store};
use axum::Router;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the files of keys are looked at. A change counts at the second look: a removed key is out within twice this time.
const KEYS_LOOKED_AT_EVERY: Duration = Duration::from_secs(2);
/// How long the tasks may take to end: they are told at the same time as the connections, so as a rule they have ended
/// before those. With `limits.drain_ms` it stays below ten seconds.
const END_WITHIN: Duration = Duration::from_millis(500);
/// How long the store may take to write its log back. What is kept does not hang on it.
#[cfg(feature = "domain")]
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// The tasks beside the connections. They end with the token they were started with; dropping this ends them too.
pub struct Services {
    router: Router,
    tasks: JoinSet<()>,
    #[cfg(feature = "domain")]
    store: Store,
}

impl Services {
    /// Starts everything that the relay's configuration asks for.
    ///
    /// # Errors
    /// Where a file of keys has a mistake, the recording cannot be read or the metrics' address cannot be listened on; nothing
    /// runs then.
    pub async fn start(relay: &Relay, stop: &CancellationToken) -> std::io::Result<Self> {
        let config = relay.config();
        let mistakes = relay.verifier().mistakes();
        if !mistakes.is_empty() {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, mistakes.join("\n")));
        }
        let feeds = Feeds::open(&config.feed, relay.clock().now_ms()).map_err(std::io::Error::other)?;
        let metrics = match config.metrics.listen {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|error| std::io::Error::new(error.kind(), format!("metrics.listen: cannot listen on {address}: {error}")))?,
            ),
            None => None,
        };
        // Before anything runs: a folder that cannot be used ends the start.
        #[cfg(feature = "domain")]
        let store = open_store(relay).await?;
        let api = Api::new(relay.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(crate::monitor::run(relay.clone(), Arc::new(Process), stop.clone()));
        #[cfg(feature = "domain")]
        tasks.spawn(Domain::attach(relay, store.clone()).run(relay.clone(), stop.clone()));
        if config.auth.has_key_files() {
            tasks.spawn(watch_keys(relay.clone(), stop.clone()));
        }
        if let Some(feeds) = feeds {
            tracing::info!(devices = feeds.devices().len(), tenant = config.feed.tenant, "feeding");
            tasks.spawn(feeds.run(relay.clone(), stop.clone()));
        }
        if let Some(listener) = metrics {
            tasks.spawn(serve_metrics(listener, api.metrics_router(), Terms::of_metrics(relay), stop.clone()));
        }
        Ok(Self {
            router: api.router(),
            tasks,
            #[cfg(feature = "domain")]
            store,
        })
    }

    /// The HTTP API and the static pages.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Waits until all tasks have ended, which they do once their token is cancelled; cuts off what takes longer than
    /// half a second then (a request for metrics that was never sent whole).
    pub async fn stopped(mut self) {
        let ended = tokio::time::timeout(END_WITHIN, async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    fault!(critical, Internal, %error, "a service ended badly");
                }
            }
        });
        if ended.await.is_err() {
            fault!(warning, Limits, "the services took too long to end: they are cut off");
        }
        // Last: what is published until the end is kept.
        #[cfg(feature = "domain")]
        if tokio::time::timeout(CLOSE_WITHIN, self.store.close()).await.is_err() {
            fault!(warning, Store, "the store took too long to close: it will be recovered when it is next opened");
        }
    }
}

async fn serve_metrics(listener: TcpListener, router: Router, terms: Terms, stop: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "metrics have an address of their own");
    }
    crate::listen::serve(listener, router, terms, stop).await;
}

/// Takes changed files of keys over until it is stopped.
async fn watch_keys(relay: Relay, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(KEYS_LOOKED_AT_EVERY)).await.is_some() {
        let looking = relay.clone();
        // Its own thread: a file system may hang, and everyone else must not.
        if let Err(error) = tokio::task::spawn_blocking(move || looking.verifier().reload()).await {
            fault!(error, Auth, %error, "the files of keys could not be looked at");
        }
    }
}

/// The store in the data folder; in memory where the configuration names none, which is right for trying things out alone.
#[cfg(feature = "domain")]
async fn open_store(relay: &Relay) -> std::io::Result<Store> {
    let config = relay.config();
    let place = config.data_dir.clone().map_or(Place::Memory, Place::Folder);
    if place == Place::Memory && !config.dev {
        fault!(
            warning,
            Store,
            "data_dir is not set: notifications, alerts and all else that should outlive this relay are kept in memory and end with it"
        );
    }
    let (clock, entropy, metrics) = (relay.clock().clone(), relay.entropy().clone(), Arc::clone(relay.metrics()));
    let opening = tokio::task::spawn_blocking(move || Store::open(&place, clock, entropy, metrics));
    let opened = opening.await.map_err(std::io::Error::other)?;
    Ok(opened?)
}
