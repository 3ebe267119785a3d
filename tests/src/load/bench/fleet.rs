//! Thousands of bare receivers on one thread: they read, count marks, and note how old each was. Nothing is decoded, so that one
//! core takes millions of deliveries a second.

use super::wire::{self, DIGITS, Login, MARK};
use anyhow::{Context as _, Result, anyhow};
use hdrhistogram::Histogram;
use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const READ_BYTES: usize = 256 * 1024;
/// So many connect at the same time.
const AT_ONCE: usize = 32;
/// Longer ones count as this.
const LONGEST_LATENCY_US: u64 = 60_000_000;

struct Shared {
    origin: Instant,
    deliveries: AtomicU64,
    /// Of the receiver that has the fewest, as of the last look.
    lost: AtomicU64,
    stop: AtomicBool,
    latency_us: Mutex<Histogram<u64>>,
}

/// See the module. Dropping it closes all sockets.
pub struct Fleet {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

struct Receiver {
    stream: TcpStream,
    /// The end of what was read: a mark may be cut in two.
    tail: Vec<u8>,
    open: bool,
}

impl Fleet {
    /// Connects to a relay, several at once.
    ///
    /// # Errors
    /// The first that fails.
    pub fn connect(address: SocketAddr, origin: Instant, logins: &[Login]) -> Result<Self> {
        let connect = |login: &Login| -> Result<std::net::TcpStream> {
            // As a descriptor of its own: the WebSocket's end would close it.
            Ok(wire::connect(address, login)?.get_ref().try_clone()?)
        };
        let streams = std::thread::scope(|scope| {
            let parts = logins.chunks(logins.len().div_ceil(AT_ONCE).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| part.iter().map(connect).collect::<Result<Vec<_>>>())).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("a connecting thread has panicked"))?)
                .collect::<Result<Vec<_>>>()
        });
        Self::start(origin, streams.context("connecting")?.into_iter().flatten().collect())
    }

    /// Connects to the floor, which wants no handshake.
    ///
    /// # Errors
    /// The first that fails.
    pub fn plain(address: SocketAddr, origin: Instant, count: usize) -> Result<Self> {
        let streams = (0..count).map(|_| std::net::TcpStream::connect(address)).collect::<std::io::Result<Vec<_>>>()?;
        Self::start(origin, streams)
    }

    fn start(origin: Instant, streams: Vec<std::net::TcpStream>) -> Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Token(usize::MAX))?;
        let mut receivers = Vec::with_capacity(streams.len());
        for (number, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            receivers.push(Receiver { stream, tail: Vec::new(), open: true });
        }
        let shared = Arc::new(Shared {
            origin,
            deliveries: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            latency_us: Mutex::new(Histogram::new_with_max(LONGEST_LATENCY_US, 3)?),
        });
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || receive(poll, receivers, &shared)
        });
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// Deliveries so far.
    pub fn deliveries(&self) -> u64 {
        self.shared.deliveries.load(Ordering::Relaxed)
    }

    /// Sockets that the other side closed.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Waits until so many deliveries have come, or nothing comes any more; returns how many there are.
    pub fn wait_for(&self, deliveries: u64) -> u64 {
        let (mut before, mut quiet_since) = (self.deliveries(), Instant::now());
        while self.deliveries() < deliveries && quiet_since.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(2));
            if self.deliveries() != before {
                (before, quiet_since) = (self.deliveries(), Instant::now());
            }
        }
        self.deliveries()
    }

    /// How old deliveries were since the last look, in microseconds.
    ///
    /// # Errors
    /// Where the thread has failed.
    pub fn take_latency_us(&self) -> Result<Histogram<u64>> {
        let mut latency_us = self.shared.latency_us.lock().map_err(|_| anyhow!("the receiving thread has panicked"))?;
        let taken = latency_us.clone();
        latency_us.reset();
        Ok(taken)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A thread that ended by itself needs no waking.
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn receive(mut poll: Poll, mut receivers: Vec<Receiver>, shared: &Shared) {
    let mut events = Events::with_capacity(4_096);
    let mut buffer = vec![0; READ_BYTES];
    let finder = Finder::new(MARK);
    while !shared.stop.load(Ordering::Relaxed) {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            eprintln!("pulsewire-bench: the receivers cannot wait: {error}");
            return;
        }
        let Ok(mut latency_us) = shared.latency_us.lock() else { return };
        let mut found = 0;
        for event in &events {
            let Some(receiver) = receivers.get_mut(event.token().0).filter(|receiver| receiver.open) else { continue };
            loop {
                match receiver.stream.read(&mut buffer) {
                    Ok(0) => {
                        receiver.open = false;
                        shared.lost.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    Ok(length) => {
                        let now_us = shared.origin.elapsed().as_micros() as u64;
                        found += count(&finder, &mut receiver.tail, buffer.get(..length).unwrap_or_default(), |due_us| {
                            latency_us.saturating_record(now_us.saturating_sub(due_us));
                        });
                        // Less than was asked for: the socket is empty, and new bytes are a new event.
                        if length < buffer.len() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => {
                        receiver.open = false;
                        shared.lost.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
            }
        }
        shared.deliveries.fetch_add(found, Ordering::Relaxed);
    }
}

/// Counts whole marks with their digits; keeps what may be the beginning of one.
fn count(finder: &Finder<'_>, tail: &mut Vec<u8>, bytes: &[u8], mut seen: impl FnMut(u64)) -> u64 {
    let whole = MARK.len() + DIGITS;
    let mut found = 0;
    let mut take = |digits: &[u8]| {
        found += 1;
        if let Some(due_us) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
            seen(due_us);
        }
    };
    let mut rest = bytes;
    if !tail.is_empty() {
        // At most one mark lies across the border.
        let held = tail.len();
        tail.extend(bytes.iter().take(whole));
        match finder.find(tail) {
            Some(start) if start < held && tail.len() >= start + whole => {
                take(tail.get(start + MARK.len()..start + whole).unwrap_or_default());
                rest = bytes.get(start + whole - held..).unwrap_or_default();
            }
            _ if bytes.len() < whole => {
                // Too little to tell yet.
                let keep = tail.len().saturating_sub(whole - 1);
                tail.drain(..keep);
                return found;
            }
            _ => {}
        }
        tail.clear();
    }
    while let Some(start) = finder.find(rest) {
        match rest.get(start + MARK.len()..start + whole) {
            Some(digits) => take(digits),
            None => break,
        }
        rest = rest.get(start + whole..).unwrap_or_default();
    }
    tail.extend(rest.iter().skip(rest.len().saturating_sub(whole - 1)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_counted_once_however_the_bytes_are_cut() {
        let text: Vec<u8> =
            (0..40_u64).flat_map(|number| [b"\x82\x7e..".as_slice(), MARK, format!("{number:016}").as_bytes(), b"pwbe"].concat()).collect();
        let finder = Finder::new(MARK);
        for step in [1, 2, 3, 7, 23, 24, 25, 31, 100, text.len()] {
            let (mut tail, mut seen, mut found) = (Vec::new(), Vec::new(), 0);
            for bytes in text.chunks(step) {
                found += count(&finder, &mut tail, bytes, |due_us| seen.push(due_us));
            }
            assert_eq!((found, seen), (40, (0..40).collect()), "cut into {step}");
        }
    }
}
