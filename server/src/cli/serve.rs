//! `pulsewire-relay serve`: configuration, logs, limits of the process, the listener; then the library does the rest.

use super::args::listening_line;
use super::doctor::{descriptors_wanted, mend_of_bind};
use super::{Failure, ServeArgs, sources};
use crate::api::Restarts;
use crate::config::{Config, digest, effective};
use crate::observe::faults::fault;
use crate::observe::{Audit, audit, logs};
use crate::services::Services;
use crate::{Clock, Entropy, Relay};
use axum::Extension;
use std::io::Write as _;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long blocking work may take to end after everything else.
const RUNTIME_END: Duration = Duration::from_millis(250);

pub(super) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let given = sources(args.sources.config.clone(), args.flags())?;
    let (config, settings) = effective(&given)?;
    let _logs = logs::start(&config.log, &config.audit).map_err(|message| Failure::new(2, message))?;
    audit(Audit::ConfigurationLoaded { file: given.file.as_deref(), digest: &digest(&settings) });
    if let Some(www) = &config.www
        && !www.join("index.html").is_file()
    {
        let message = format!("--www {}: there is no index.html in it: build the page first, or point at its output folder", www.display());
        return Err(Failure::new(2, message));
    }
    raise_descriptors(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(1, format!("the runtime cannot start: {error}")))?;
    // A task of the workers: what accepts connections on this thread would wake another one for each.
    let served = runtime.spawn(run(config));
    let ended = runtime.block_on(served).map_err(|error| Failure::new(1, format!("serving failed: {error}"))).flatten();
    // A file that is being read from a disk that does not answer must not keep the process.
    runtime.shutdown_timeout(RUNTIME_END);
    ended
}

async fn run(config: Config) -> Result<(), Failure> {
    let address = config.listen;
    let listener = bind(address).await?;
    let bound = listener.local_addr().map_err(|error| Failure::new(3, format!("the address cannot be told: {error}")))?;
    if config.dev && config.allow_lan {
        fault!(warning, System, %bound, "development mode is open to the network: whoever reaches this address may do everything");
    }
    let shutdown = stop_on_signals()?;
    let mut listener = listener;
    let mut said = false;
    // Once around is one relay; another one takes its place where `/dev/restart` asked for that.
    loop {
        let restarts = Restarts::default();
        life(listener, config.clone(), &shutdown, &restarts, &mut said).await?;
        let Some(away) = restarts.asked().filter(|_| !shutdown.is_cancelled()) else { return Ok(()) };
        if shutdown.run_until_cancelled(tokio::time::sleep(away)).await.is_none() {
            return Ok(());
        }
        listener = bind(bound).await?;
    }
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::new(3, format!("cannot listen on {address}: {error} ({})", mend_of_bind(&error))))
}

/// One relay from its first connection to its last. Nothing of its memory outlives it: the next one has another id and new epochs.
async fn life(
    listener: TcpListener,
    config: Config,
    shutdown: &CancellationToken,
    restarts: &Restarts,
    said: &mut bool,
) -> Result<(), Failure> {
    let bound = listener.local_addr().map_err(|error| Failure::new(3, format!("the address cannot be told: {error}")))?;
    let relay = Relay::open(config, Clock::system(), Entropy::from_os()).map_err(|problem| Failure::new(2, problem))?;
    let stop = shutdown.child_token();
    restarts.will_cancel(stop.clone());
    let beside = stop.child_token();
    // Started before the line below: who reads it may count on what it serves.
    let services = Services::start(&relay, &beside).await.map_err(|error| Failure::new(2, error.to_string()))?;
    if !std::mem::replace(said, true) {
        say(&listening_line(bound))?;
    }
    tracing::info!(%bound, node = relay.node(), dev = relay.config().dev, version = env!("CARGO_PKG_VERSION"), "listening");
    let node = relay.node().to_owned();
    audit(Audit::Started { node: &node, listen: bound, dev: relay.config().dev });
    let router = services.router().layer(Extension(restarts.clone()));
    let served = crate::serve_connections(listener, relay, router, stop).await;
    beside.cancel();
    services.stopped().await;
    audit(Audit::Stopped { node: &node, finished: served.is_ok() });
    served.map_err(|error| Failure::new(1, format!("serving failed: {error}")))
}

/// The one line that goes to standard output.
fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| Failure::new(1, format!("standard output is closed: {error}")))
}

/// SIGTERM and SIGINT drain; a second one ends at once.
fn stop_on_signals() -> Result<CancellationToken, Failure> {
    let failed = |error: std::io::Error| Failure::new(1, format!("signals cannot be taken: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        for stopping in [false, true] {
            let by = tokio::select! {
                biased;
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            audit(Audit::StopRequested { by });
            if stopping {
                fault!(warning, System, "asked twice to stop: stopping at once");
                std::process::exit(130);
            }
            tracing::info!("stopping: draining connections");
            stop.cancel();
        }
    });
    Ok(shutdown)
}

/// One descriptor per connection, WebSocket or not: the soft limit of most systems (1,024) is far below what the relay allows.
fn raise_descriptors(config: &Config) {
    let wanted = descriptors_wanted(config);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < wanted => fault!(
            warning,
            System,
            limit,
            wanted,
            connections = config.limits.connections,
            http_connections = config.limits.http_connections(),
            "too few file descriptors for limits.connections and limits.http_connections: raise the hard limit, or lower the keys; `pulsewire-relay doctor` says how"
        ),
        Ok(limit) => tracing::debug!(limit, "file descriptors"),
        Err(error) => {
            fault!(warning, System, %error, wanted, "the limit of file descriptors could not be raised; `pulsewire-relay doctor` says more");
        }
    }
}
