//! What waits to be written to one connection: bounded by number and bytes, filled by anyone.
//!
//! Two ways lead out. A connection with a [`Wire`] is written by its [`Flusher`](super::Flusher), which takes everything that
//! waits for many connections in one wake-up; its own task only waits where the socket is full, and for the end. Any other
//! (in memory) is emptied by its own task through [`Outbox::poll_due`].
//!
//! Why not a channel of tokio: its bound counts messages but not bytes, its blocks cost memory on every idle connection, and
//! overflow must become a close code instead of an error at the publisher. A push never waits, so one slow reader never
//! delays another.
//!
//! Trap: the queue's lock is held while a wire is written, which never blocks. That is what keeps two writers from mixing
//! their frames.

use super::flusher::Flusher;
use super::frame;
use bytes::{Buf as _, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use pulsewire_protocol::{CloseCode, Format};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Messages are joined into frames of about this size; a larger message is a frame of its own.
pub const FRAME_BYTES: usize = 32 * 1024;
/// A burst must not stay as memory on an idle connection.
const IDLE_CAPACITY: usize = 4;
/// Pongs that may wait.
const MAX_CONTROL_BYTES: usize = 2 * 1024;

/// The end of a connection as it is told to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The close code.
    pub code: CloseCode,
    /// The reason.
    pub reason: String,
}

impl Closing {
    /// A code and its reason.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

/// Messages and bytes that may wait.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Messages.
    pub messages: usize,
    /// Bytes.
    pub bytes: usize,
}

/// The peer's end of a byte stream, such as a TCP socket. Writes never block.
pub trait Wire: Send + Sync {
    /// Writes as much as it takes now, at least one byte. `WouldBlock` where it takes none; any other error is its end.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits until it may take some. Only the connection's own task waits.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// The way out of a connection that is not emptied by its own task.
struct Direct {
    wire: Box<dyn Wire>,
    format: Format,
    flusher: Arc<Flusher>,
}

struct Item {
    message: Bytes,
    counted: bool,
}

/// Whether the flusher knows that something waits here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Listed {
    #[default]
    No,
    /// It comes at the end of a write delay.
    Later,
    /// It comes next.
    Now,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    counted_messages: usize,
    counted_bytes: usize,
    uncounted_bytes: usize,
    closing: Option<Closing>,
    sent: u64,
    listed: Listed,
    /// The end of a frame that the wire did not take, and what follows it without a copy.
    rest: [Bytes; 2],
    /// Pongs, or the answer to a close.
    control: Vec<u8>,
    /// The close frame is written, ours or the answer to the peer's: nothing may follow.
    ended: bool,
    lost: bool,
    pushes: u32,
    sample: Option<Sample>,
}

/// One message of many whose way to the socket is timed.
struct Sample {
    queued: Instant,
    /// How many messages are still to be taken until it is taken itself.
    behind: usize,
}

/// One of so many messages of a connection is timed: reading the clock for each would be a percent of a delivery.
const SAMPLE_EVERY: u32 = 32;

impl Queue {
    /// How many of the first messages make one frame of at most so many bytes (but at least one message), and their bytes.
    fn frame(&self, frame_bytes: usize) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0_usize);
        for item in &self.items {
            if count > 0 && bytes + item.message.len() > frame_bytes {
                break;
            }
            count += 1;
            bytes += item.message.len();
        }
        (count, bytes)
    }

    /// See [`Outbox::poll_calm`].
    fn is_calm(&self, limits: OutboxLimits) -> bool {
        self.uncounted_bytes <= limits.bytes && self.counted_messages <= limits.messages / 2 && self.counted_bytes <= limits.bytes / 2
    }

    fn blocked(&self) -> bool {
        self.rest.iter().any(|rest| !rest.is_empty())
    }

    /// Keeps the end of a frame for later, before what follows it.
    fn keep(&mut self, bytes: &[u8]) {
        let [rest, _] = &mut self.rest;
        *rest = Bytes::copy_from_slice(bytes);
    }

    fn failed(&mut self, error: &io::Error) -> Flushed {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Flushed::Blocked,
            _ => {
                self.lost = true;
                Flushed::Lost
            }
        }
    }
}

/// What the connection's own task does next, where there is no wire.
#[derive(Debug)]
pub enum Due {
    /// Write these as one frame.
    Messages(Vec<Bytes>),
    /// Nothing is left: write the close frame and end.
    Close(Closing),
}

/// How far a [`Outbox::flush`] came.
enum Flushed {
    /// Nothing waits.
    All,
    /// The wire is full.
    Blocked,
    /// The close frame is written.
    Ended,
    /// The wire is gone.
    Lost,
}

/// Room to put a frame together in, and what was written since the last look. One for each task that writes.
#[derive(Default)]
pub struct Scratch {
    frame: Vec<u8>,
    /// Messages.
    pub messages: u64,
    /// Their bytes, headers left out.
    pub bytes: u64,
    /// How long one of them had waited, if one of those is timed.
    pub waited: Option<Duration>,
}

/// See the module.
pub struct Outbox {
    limits: OutboxLimits,
    /// Held for a push, a take, or a write that does not block; never across an await.
    queue: Mutex<Queue>,
    direct: OnceLock<Direct>,
    /// One waker is enough: everything that polls an outbox lives in the connection's one task.
    writer: AtomicWaker,
}

impl Outbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> Self {
        Self { limits, queue: Mutex::new(Queue::default()), direct: OnceLock::new(), writer: AtomicWaker::new() }
    }

    /// Gives it a wire, once and before anything is read from the peer.
    pub fn attach(self: &Arc<Self>, wire: Box<dyn Wire>, format: Format, flusher: Arc<Flusher>) {
        // A second wire would be a defect of the caller; the first stays.
        if self.direct.set(Direct { wire, format, flusher }).is_ok() {
            self.list(Listed::Now, Duration::ZERO);
        }
    }

    /// What may wait here.
    pub fn limits(&self) -> OutboxLimits {
        self.limits
    }

    /// Messages that were taken out to be written.
    pub fn sent(&self) -> u64 {
        self.queue.lock().sent
    }

    /// Adds an encoded message. Returns false where the connection is closing, or closes now because its queue overflowed.
    pub fn push(self: &Arc<Self>, message: Bytes) -> bool {
        self.add(message, true, Duration::ZERO)
    }

    /// The same, but it may wait so long for others, so that one write takes them all. What is pushed without such leave takes
    /// everything that waits along, so the order stays.
    pub fn push_within(self: &Arc<Self>, message: Bytes, delay: Duration) -> bool {
        self.add(message, true, delay)
    }

    /// Adds a message that does not count against the bound: an answer with a recovery in it, which has its own limit. The
    /// reader takes no further command while much of this waits ([`Outbox::poll_calm`]), so it is bounded too.
    pub fn push_uncounted(self: &Arc<Self>, message: Bytes) -> bool {
        self.add(message, false, Duration::ZERO)
    }

    fn add(self: &Arc<Self>, message: Bytes, counted: bool, delay: Duration) -> bool {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() || queue.ended {
            return false;
        }
        let was_empty = queue.items.is_empty();
        if counted {
            queue.counted_messages += 1;
            queue.counted_bytes += message.len();
            if queue.counted_messages > self.limits.messages || queue.counted_bytes > self.limits.bytes {
                // What waits would arrive late and be recovered anyway: the client comes back and recovers. A frame that is
                // half out must still be ended, or the close would be read as a part of it.
                let Queue { rest, sent, listed, lost, .. } = std::mem::take(&mut *queue);
                let closing = Some(Closing::new(CloseCode::SLOW_CONSUMER, "slow_consumer"));
                *queue = Queue { closing, rest, sent, listed, lost, ..Queue::default() };
                drop(queue);
                self.writer.wake();
                return false;
            }
        } else {
            queue.uncounted_bytes += message.len();
        }
        queue.items.push_back(Item { message, counted });
        queue.pushes = queue.pushes.wrapping_add(1);
        if queue.pushes.is_multiple_of(SAMPLE_EVERY) && queue.sample.is_none() {
            queue.sample = Some(Sample { queued: Instant::now(), behind: queue.items.len() });
        }
        if self.direct.get().is_none() {
            drop(queue);
            if was_empty {
                self.writer.wake();
            }
            return true;
        }
        let wanted = if delay.is_zero() { Listed::Now } else { Listed::Later };
        // Where the socket is full, the connection's own task waits for it and takes everything.
        if !queue.blocked() && queue.listed < wanted {
            queue.listed = wanted;
            drop(queue);
            self.list(wanted, delay);
        }
        true
    }

    fn list(self: &Arc<Self>, wanted: Listed, delay: Duration) {
        let Some(direct) = self.direct.get() else { return };
        match wanted {
            Listed::No => {}
            Listed::Later => direct.flusher.add_later(Arc::clone(self), delay),
            Listed::Now => direct.flusher.add(Arc::clone(self)),
        }
    }

    /// Adds a control frame of the transport's: a pong, or the answer to a close, behind which nothing follows. It overtakes
    /// messages that wait, as the standard allows.
    pub fn push_control(self: &Arc<Self>, control: &[u8]) {
        if frame::is_close(control) {
            return self.push_last(control);
        }
        let mut queue = self.queue.lock();
        if queue.ended {
            return;
        }
        if queue.control.len() + control.len() > MAX_CONTROL_BYTES {
            // Whoever floods with pings and reads no answer gets the newest.
            queue.control.clear();
        }
        queue.control.extend_from_slice(control);
        if !queue.blocked() && queue.listed < Listed::Now {
            queue.listed = Listed::Now;
            drop(queue);
            self.list(Listed::Now, Duration::ZERO);
        }
    }

    /// The peer has closed, so the session is over and nobody comes to flush: what the socket takes now is what it gets.
    fn push_last(&self, close: &[u8]) {
        let mut scratch = Scratch::default();
        self.flush(&mut scratch);
        {
            let mut queue = self.queue.lock();
            if queue.ended {
                return;
            }
            queue.items = VecDeque::new();
            close.clone_into(&mut queue.control);
            queue.ended = true;
        }
        self.flush(&mut scratch);
    }

    /// Ends the connection after what already waits has been written. The first reason stands.
    pub fn close(&self, closing: Closing) {
        let mut queue = self.queue.lock();
        if queue.closing.is_none() {
            queue.closing = Some(closing);
            drop(queue);
            self.writer.wake();
        }
    }

    /// How the connection ends, once that is decided.
    pub fn closing(&self) -> Option<Closing> {
        self.queue.lock().closing.clone()
    }

    /// Whether the end is decided.
    pub fn is_closing(&self) -> bool {
        self.queue.lock().closing.is_some()
    }

    /// Messages and bytes that wait.
    pub fn waiting(&self) -> (usize, usize) {
        let queue = self.queue.lock();
        (queue.items.len(), queue.items.iter().map(|item| item.message.len()).sum())
    }

    /// Waits for the end to be decided.
    pub fn poll_closing(&self, cx: &Context<'_>) -> Poll<()> {
        self.writer.register(cx.waker());
        if self.is_closing() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until the answers to a further command would have room: no more uncounted bytes wait than counted ones may, and
    /// of what is counted not more than half of what may. So whoever sends commands faster than it reads is held up by its
    /// own socket; only what others publish can overflow its queue.
    pub fn poll_calm(&self, cx: &Context<'_>) -> Poll<()> {
        self.writer.register(cx.waker());
        let queue = self.queue.lock();
        if queue.is_calm(self.limits) || queue.closing.is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits for something to write; takes whole messages up to `frame_bytes`, but at least one.
    pub fn poll_due(&self, cx: &Context<'_>, frame_bytes: usize) -> Poll<Due> {
        self.writer.register(cx.waker());
        self.take_due(frame_bytes).map_or(Poll::Pending, Poll::Ready)
    }

    /// What [`Outbox::poll_due`] gives, without waiting.
    pub fn take_due(&self, frame_bytes: usize) -> Option<Due> {
        let mut queue = self.queue.lock();
        if queue.items.is_empty() {
            return queue.closing.clone().map(Due::Close);
        }
        let mut taken = Vec::new();
        let (count, _) = queue.frame(frame_bytes);
        self.take(&mut queue, count, |message| taken.push(message));
        Some(Due::Messages(taken))
    }

    /// Takes the first `count` messages.
    fn take(&self, queue: &mut Queue, count: usize, each: impl FnMut(Bytes)) {
        let was_calm = queue.is_calm(self.limits);
        let Queue { items, counted_messages, counted_bytes, uncounted_bytes, sent, .. } = &mut *queue;
        let taken = items.drain(..count).map(|item| {
            if item.counted {
                *counted_messages -= 1;
                *counted_bytes -= item.message.len();
            } else {
                *uncounted_bytes -= item.message.len();
            }
            item.message
        });
        taken.for_each(each);
        *sent += count as u64;
        if items.is_empty() && items.capacity() > IDLE_CAPACITY {
            *items = VecDeque::new();
        }
        if let Some(sample) = &mut queue.sample {
            sample.behind = sample.behind.saturating_sub(count);
        }
        if !was_calm && queue.is_calm(self.limits) {
            // The reader waits for that: in another task than the flusher's, and in its own it may have looked in this round.
            self.writer.wake();
        }
    }

    /// What the own task of a connection with a wire does: it waits where the socket is full, and tells the end. The other
    /// writing is the flusher's.
    pub fn poll_end(&self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Option<Closing>> {
        self.writer.register(cx.waker());
        loop {
            {
                let queue = self.queue.lock();
                if queue.lost {
                    return Poll::Ready(None);
                }
                if !queue.blocked() && queue.closing.is_none() {
                    return Poll::Pending;
                }
            }
            match self.flush(scratch) {
                Flushed::All => {}
                Flushed::Ended => return Poll::Ready(self.closing()),
                Flushed::Lost => return Poll::Ready(None),
                Flushed::Blocked => {
                    let Some(direct) = self.direct.get() else { return Poll::Pending };
                    if ready!(direct.wire.poll_writable(cx)).is_err() {
                        return Poll::Ready(None);
                    }
                }
            }
        }
    }

    /// What the flusher does for a connection: writes everything that waits, as far as the socket takes it.
    pub(super) fn flush_listed(&self, scratch: &mut Scratch) {
        match self.flush(scratch) {
            Flushed::All => {}
            Flushed::Blocked | Flushed::Ended | Flushed::Lost => self.writer.wake(),
        }
    }

    fn flush(&self, scratch: &mut Scratch) -> Flushed {
        let Some(direct) = self.direct.get() else { return Flushed::All };
        let mut queue = self.queue.lock();
        queue.listed = Listed::No;
        loop {
            if queue.lost {
                return Flushed::Lost;
            }
            let Queue { rest, .. } = &mut *queue;
            for part in rest.iter_mut() {
                while !part.is_empty() {
                    match direct.wire.try_write(part) {
                        Ok(written) => part.advance(written.min(part.len())),
                        Err(error) => return queue.failed(&error),
                    }
                }
            }
            if queue.ended && queue.control.is_empty() {
                return Flushed::Ended;
            }
            if !self.put_together(&mut queue, direct.format, scratch) {
                let waited = queue.sample.take_if(|sample| sample.behind == 0);
                scratch.waited = waited.map(|sample| sample.queued.elapsed()).or(scratch.waited);
                return Flushed::All;
            }
            match direct.wire.try_write(&scratch.frame) {
                Ok(written) if written == scratch.frame.len() => {}
                Ok(written) => queue.keep(scratch.frame.get(written..).unwrap_or_default()),
                Err(error) => {
                    queue.keep(&scratch.frame);
                    return queue.failed(&error);
                }
            }
        }
    }

    /// Puts the next frame together, a control frame before it; false where nothing is left to write.
    fn put_together(&self, queue: &mut Queue, format: Format, scratch: &mut Scratch) -> bool {
        scratch.frame.clear();
        scratch.frame.append(&mut queue.control);
        let (count, bytes) = queue.frame(FRAME_BYTES);
        if count > 0 {
            let separators = if format == Format::Json { count - 1 } else { 0 };
            frame::begin(format, bytes + separators, &mut scratch.frame);
            scratch.messages += count as u64;
            scratch.bytes += (bytes + separators) as u64;
            let Scratch { frame, .. } = scratch;
            let (mut first, mut large) = (true, Bytes::new());
            self.take(queue, count, |message| {
                if !first && format == Format::Json {
                    frame.push(b'\n');
                }
                first = false;
                if message.len() > FRAME_BYTES {
                    // Alone in its frame, and too large to be worth a copy.
                    large = message;
                } else {
                    frame.extend_from_slice(&message);
                }
            });
            let [_, behind] = &mut queue.rest;
            *behind = large;
        } else if let Some(closing) = queue.closing.as_ref().filter(|_| !queue.ended) {
            frame::close(closing, &mut scratch.frame);
            queue.ended = true;
        }
        !scratch.frame.is_empty()
    }

    /// How long a message that was taken had waited, if one of those is timed. To be asked once what was taken is written.
    pub fn take_waited(&self) -> Option<Duration> {
        let sample = self.queue.lock().sample.take_if(|sample| sample.behind == 0)?;
        Some(sample.queued.elapsed())
    }
}
