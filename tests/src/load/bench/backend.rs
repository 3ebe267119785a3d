//! The publisher of the bench: one connection that publishes on a schedule, or as fast as the receivers take it.
//!
//! What is due together goes out in one frame, as a backend with many devices does.

use super::fleet::Fleet;
use super::wire::{self, Login};
use anyhow::{Result, anyhow, bail};
use pulsewire_protocol::{ClientMessage, Pong, ServerMessage, cbor};
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket};

/// No two publications go out closer than this: sleeping is no finer.
const TICK: Duration = Duration::from_millis(1);
/// Publications in one frame at most …
const BATCH: u64 = 100;
/// … and bytes: under the relay's largest message (64 KiB).
const BATCH_BYTES: usize = 48 * 1024;

#[derive(Default)]
struct Answers {
    accepted: AtomicU64,
    refused: AtomicU64,
    first_refusal: Mutex<Option<String>>,
}

/// See the module.
pub struct Backend {
    /// Publications and answers to heartbeats go out whole, one after the other.
    stream: Arc<Mutex<TcpStream>>,
    answers: Arc<Answers>,
    origin: Instant,
    channels: Range<usize>,
    points: usize,
    batch: u64,
    sent: u64,
}

impl Backend {
    /// Connects. Publications go to the channels of these numbers in turn, and have so many points.
    ///
    /// # Errors
    /// Where the relay refuses.
    pub fn connect(address: SocketAddr, origin: Instant, token: String, channels: Range<usize>, points: usize) -> Result<Self> {
        let socket = wire::connect(address, &Login { token, channels: Vec::new() })?;
        let reading = socket.get_ref().try_clone()?;
        let stream = Arc::new(Mutex::new(socket.get_ref().try_clone()?));
        let answers = Arc::new(Answers::default());
        std::thread::spawn({
            let (stream, answers) = (Arc::clone(&stream), Arc::clone(&answers));
            // A fresh reader: the relay says nothing between the welcome and the first answer.
            move || read(WebSocket::from_raw_socket(reading, Role::Client, None), &stream, &answers)
        });
        let batch = (BATCH_BYTES / wire::publish(1, 0, 0, points).len()) as u64;
        Ok(Self { stream, answers, origin, channels, points, batch: batch.clamp(1, BATCH), sent: 0 })
    }

    /// How many publications were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Publishes so many a second on a fixed grid; returns how many. A late one does not move the next.
    ///
    /// # Errors
    /// Where the relay is gone or refuses one.
    pub fn at_rate(&mut self, per_second: f64, during: Duration) -> Result<u64> {
        let (start, total) = (Instant::now(), (per_second * during.as_secs_f64()).round().max(1.0) as u64);
        let due = |number: u64| start + Duration::from_secs_f64(number as f64 / per_second);
        let mut number = 0;
        while number < total {
            let now = Instant::now();
            let ready = (number..total.min(number + self.batch)).take_while(|number| due(*number) <= now).count() as u64;
            if ready == 0 {
                std::thread::sleep((due(number) - now).max(TICK));
                continue;
            }
            self.send(ready, |index| due(number + index))?;
            number += ready;
        }
        self.settle()?;
        Ok(total)
    }

    /// Publishes as fast as the receivers take it: never more than `window` publications ahead of their average. Returns how
    /// many.
    ///
    /// # Errors
    /// As [`Backend::at_rate`].
    pub fn at_most(&mut self, fleet: &Fleet, receivers_of_each: u64, window: u64, during: Duration) -> Result<u64> {
        let (start, sent_before, taken_before) = (Instant::now(), self.sent, fleet.deliveries());
        while start.elapsed() < during {
            let taken = (fleet.deliveries() - taken_before) / receivers_of_each;
            let ahead = (self.sent - sent_before).saturating_sub(taken);
            let room = window.saturating_sub(ahead).min(self.batch);
            // Not one by one: that would measure this loop.
            if room < window.div_ceil(4).min(self.batch) {
                std::thread::sleep(Duration::from_micros(200));
                continue;
            }
            let now = Instant::now();
            self.send(room, |_| now)?;
        }
        self.settle()?;
        Ok(self.sent - sent_before)
    }

    fn send(&mut self, count: u64, due: impl Fn(u64) -> Instant) -> Result<()> {
        let mut payload = Vec::new();
        for index in 0..count {
            let channel = self.channels.start + (self.sent % self.channels.len() as u64) as usize;
            self.sent += 1;
            // `connect` had the first id.
            let due_us = due(index).saturating_duration_since(self.origin).as_micros() as u64;
            payload.extend(wire::publish(self.sent + 1, channel, due_us, self.points));
        }
        write(&self.stream, &payload)
    }

    /// Waits for every answer.
    fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (accepted, refused) = (self.answers.accepted.load(Ordering::Relaxed), self.answers.refused.load(Ordering::Relaxed));
            if refused > 0 {
                let why = self.answers.first_refusal.lock().ok().and_then(|mut why| why.take()).unwrap_or_default();
                bail!("{refused} publications were refused, the first with {why}");
            }
            if accepted >= self.sent {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{accepted} of {} publications were answered within 30 s", self.sent);
            }
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Ends the reading thread; a socket that is gone has ended it already.
        if let Ok(stream) = self.stream.lock() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn write(stream: &Mutex<TcpStream>, payload: &[u8]) -> Result<()> {
    let mut stream = stream.lock().map_err(|_| anyhow!("a writing thread has panicked"))?;
    Ok(stream.write_all(&wire::frame(payload))?)
}

fn read(mut socket: WebSocket<TcpStream>, stream: &Mutex<TcpStream>, answers: &Answers) {
    while let Ok(message) = socket.read() {
        let Message::Binary(frame) = message else { continue };
        for message in cbor::decode_server(&frame) {
            match message {
                Ok(ServerMessage::Reply(_)) => drop(answers.accepted.fetch_add(1, Ordering::Relaxed)),
                Ok(ServerMessage::Heartbeat(heartbeat)) => {
                    let pong = cbor::encode_client(&ClientMessage::Pong(Pong { ts: heartbeat.ts }));
                    // Whoever publishes is told that the relay is gone.
                    let _ = write(stream, &pong);
                }
                Ok(ServerMessage::Error(error)) => {
                    answers.refused.fetch_add(1, Ordering::Relaxed);
                    if let Ok(mut first) = answers.first_refusal.lock() {
                        first.get_or_insert_with(|| format!("{error:?}"));
                    }
                }
                _ => {}
            }
        }
    }
}
