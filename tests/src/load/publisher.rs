//! Publishes on a schedule, on a thread of its own, so that the clients' work does not delay it.
//!
//! Each publication carries the moment it was due in its first value, in microseconds of the common origin: see the trap in
//! the module above.

use super::driver::{Driver, Told, is_settled};
use super::options::Via;
use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use pulsewire_client_core::{ChannelEvent, Client, ClientEvent, Command, RequestId};
use pulsewire_protocol::json::ToJson as _;
use pulsewire_protocol::{Column, Payload, Series, SeriesMap, Telemetry};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

/// The metric that carries the due time.
pub const METRIC: &str = "load";
/// Requests over HTTP that may be under way at once, each on a connection of its own.
const HTTP_CONNECTIONS: usize = 8;

/// What to publish.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The relay.
    pub address: SocketAddr,
    /// A token with role `service`.
    pub token: String,
    /// The door.
    pub via: Via,
    /// Devices, one channel each, in turn.
    pub devices: usize,
    /// How many, in all.
    pub publications: u64,
    /// From one to the next.
    pub interval: Duration,
    /// Points in each.
    pub points: usize,
    /// Zero of the due times.
    pub origin: Instant,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    /// Accepted by the relay, or for WebSocket sent.
    pub publications: u64,
    /// How far behind the schedule the last one was.
    pub behind_ms: f64,
}

/// The device of channel number `index`.
pub fn device(index: usize) -> String {
    format!("load-{index}")
}

/// Publishes all of it; blocks until the last one is accepted.
pub fn run(plan: &Plan) -> Result<Published> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        match plan.via {
            Via::Http => over_http(plan).await,
            Via::Ws => over_websocket(plan).await,
        }
    })
}

fn telemetry(plan: &Plan, number: u64, due: Instant) -> Telemetry {
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
    let due_us = due.duration_since(plan.origin).as_micros() as f64;
    let times = (0..plan.points).map(|point| unix_ms + point as f64 * 4.0).collect();
    let values = (0..plan.points).map(|point| if point == 0 { due_us } else { (number as f64 + point as f64 / 10.0).sin() }).collect();
    let series = Series { t: Column(times), v: Column(values), unit: None };
    let device = device((number % plan.devices as u64) as usize);
    Telemetry { device_id: device, series: SeriesMap(vec![(METRIC.to_owned(), series)]) }
}

/// Due times on a fixed grid: a late one does not move the next.
fn due_times(plan: &Plan) -> impl Iterator<Item = (u64, Instant)> {
    let (start, interval) = (Instant::now(), plan.interval);
    (0..plan.publications).map(move |number| (number, start + interval.mul_f64(number as f64)))
}

async fn over_http(plan: &Plan) -> Result<Published> {
    let (jobs, waiting) = async_channel::unbounded::<(u64, Instant)>();
    let mut workers = Vec::new();
    for _ in 0..HTTP_CONNECTIONS {
        let (plan, waiting) = (plan.clone(), waiting.clone());
        let mut sender = open_http(plan.address).await?;
        workers.push(tokio::task::spawn_local(async move {
            let mut done = Published::default();
            while let Ok((number, due)) = waiting.recv().await {
                post(&mut sender, &plan, &telemetry(&plan, number, due)).await?;
                done.publications += 1;
                done.behind_ms = due.elapsed().as_secs_f64() * 1_000.0;
            }
            anyhow::Ok(done)
        }));
    }
    drop(waiting);
    for (number, due) in due_times(plan) {
        tokio::time::sleep_until(due.into()).await;
        jobs.send((number, due)).await.context("every HTTP connection has failed")?;
    }
    drop(jobs);
    let mut all = Published::default();
    for worker in workers {
        let done = worker.await??;
        all.publications += done.publications;
        all.behind_ms = all.behind_ms.max(done.behind_ms);
    }
    Ok(all)
}

async fn open_http(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its errors come back through the sender.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

async fn post(sender: &mut SendRequest<Full<Bytes>>, plan: &Plan, body: &Telemetry) -> Result<()> {
    sender.ready().await?;
    let request = Request::post("/api/v1/telemetry")
        .header(header::HOST, plan.address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", plan.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_json()?.as_str().to_owned())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if status.as_u16() != 202 {
        bail!("the relay refused a publication with {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

/// Counts what the relay answered to the publisher.
struct Answers {
    settled: watch::Sender<bool>,
    answered: watch::Sender<Result<u64, String>>,
}

impl Told for Answers {
    fn handle_event(&mut self, _: &ChannelEvent) {}
    fn handle_changed(&mut self, client: &Client) {
        self.settled.send_replace(is_settled(client));
    }
    fn handle_news(&mut self, news: &ClientEvent) {
        if let ClientEvent::Settled { result, .. } = news {
            self.answered.send_modify(|answered| match (result, &mut *answered) {
                (Ok(_), Ok(count)) => *count += 1,
                (Err(failure), Ok(_)) => *answered = Err(failure.message().to_owned()),
                (_, Err(_)) => {}
            });
        }
    }
}

async fn over_websocket(plan: &Plan) -> Result<Published> {
    let (settled, mut is_settled) = watch::channel(false);
    let (answered, mut answers) = watch::channel(Ok(0));
    let (commands, inbox) = mpsc::channel(1_024);
    let told = Answers { settled, answered };
    let driver = Driver::new(plan.address, plan.token.clone(), 0, "publisher".to_owned(), told);
    let running = tokio::task::spawn_local(driver.run(inbox));
    tokio::time::timeout(Duration::from_secs(10), is_settled.wait_for(|settled| *settled))
        .await
        .context("the publisher was not welcomed within 10 s")??;
    let mut behind_ms = 0.0;
    for (number, due) in due_times(plan) {
        tokio::time::sleep_until(due.into()).await;
        let telemetry = telemetry(plan, number, due);
        let channel = format!("device:{}", telemetry.device_id);
        let request = RequestId(number as u32);
        commands.send(Command::Publish { request, channel, payload: Payload::Telemetry(telemetry), key: None, queue: false }).await?;
        behind_ms = due.elapsed().as_secs_f64() * 1_000.0;
    }
    let all = answers.wait_for(|answered| !matches!(answered, Ok(count) if *count < plan.publications));
    let answered = tokio::time::timeout(Duration::from_secs(30), all).await.context("not every publication was answered within 30 s")??;
    let publications = answered.clone().map_err(|why| anyhow::anyhow!("a publication failed: {why}"))?;
    drop(answered);
    drop(commands);
    running.await??;
    Ok(Published { publications, behind_ms })
}
