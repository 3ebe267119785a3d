//! The Pulsewire relay: authenticated WebSocket and polling fan-out with history, recovery, viewers and statistics.
//!
//! [`run`] is the whole server, so that tests start a real one on port 0. The parts: `hub` (who is here, fan-out),
//! `session` (one client, whatever its transport), `broker` (history and order), `auth`, `limits`, `overload` (the circuit
//! breaker), `relay` (the one handle
//! that every door leads to), `ws` (the upgrade); `api`, `feed`, `domain`, `monitor`, `observe`, `config` and
//! `cli` around them.

pub mod api;
pub mod auth;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "domain")]
pub mod domain;
pub mod entropy;
pub mod feed;
pub mod hub;
pub mod limits;
pub mod listen;
pub mod mint;
pub mod monitor;
pub mod observe;
pub mod overload;
pub mod rate;
pub mod relay;
pub mod services;
pub mod session;
#[cfg(feature = "domain")]
pub mod store;
pub mod ws;
pub mod www;

pub use auth::{Principal, Publisher, TokenRefused};
pub use clock::{Clock, Moment};
pub use entropy::Entropy;
pub use relay::Relay;

use axum::Router;
use config::Config;
use services::Services;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The whole server: serves until `shutdown`, then drains and returns.
pub async fn run(listener: TcpListener, config: Config, shutdown: CancellationToken) -> std::io::Result<()> {
    let relay = Relay::open(config, Clock::system(), Entropy::from_os()).map_err(std::io::Error::other)?;
    serve(listener, relay, shutdown).await
}

/// The same for a relay that was made before, for example because replay or simulator publish on it.
pub async fn serve(listener: TcpListener, relay: Relay, shutdown: CancellationToken) -> std::io::Result<()> {
    let beside = shutdown.child_token();
    let services = Services::start(&relay, &beside).await?;
    let served = serve_connections(listener, relay, services.router(), shutdown).await;
    // Also where serving failed by itself.
    beside.cancel();
    services.stopped().await;
    served
}

/// The connections alone: `/ws` beside the given routes.
pub async fn serve_connections(listener: TcpListener, relay: Relay, api: Router, shutdown: CancellationToken) -> std::io::Result<()> {
    let app = api::guarded(ws::router(relay.clone()).merge(api), &relay);
    let within = Duration::from_millis(relay.config().limits.drain_ms);
    // Ends with the caller's token, and also when serving ends by itself.
    let stop = shutdown.child_token();
    let serving = async {
        let served = listen::serve(listener, app, limits::Terms::new(&relay), stop.clone());
        let out_of_time = async {
            stop.cancelled().await;
            tokio::time::sleep(within).await;
        };
        tokio::select! {
            biased;
            () = served => {}
            // A request that never ends must not keep the process.
            () = out_of_time => {}
        }
        stop.cancel();
    };
    let draining = async {
        stop.cancelled().await;
        relay.drain(within).await
    };
    tokio::join!(serving, draining);
    Ok(())
}
