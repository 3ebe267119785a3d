//! What waits to be written to one connection: bounded by number and bytes, filled by anyone.
//!
//! Two ways lead out. A connection with a [`Wire`](super::Wire) is written by its [`Flusher`](super::Flusher), which takes everything
//! that waits for many connections in one wake-up ([`super::wire`]); its own task only waits where the socket is full, and for the
//! end. Any other (in memory) is emptied by its own task through [`Outbox::poll_due`].
//!
//! Why not a channel of tokio: its bound counts messages but not bytes, its blocks cost memory on every idle connection, and
//! overflow must become a close code instead of an error at the publisher. A push never waits, so one slow reader never
//! delays another.
//!
//! Why the one message that waits as a rule has a place of its own, and what is rare a box: with many receivers every line of
//! memory that a delivery touches comes from far away, and costs a hundredth of the system call.

use super::wire::Direct;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use pulsewire_protocol::CloseCode;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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

struct Item {
    message: Bytes,
    counted: bool,
}

/// Whether the flusher knows that something waits here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Listed {
    #[default]
    No,
    /// It comes at the end of a write delay.
    Later,
    /// It comes next.
    Now,
}

/// What an outbox holds. This much every delivery looks at: no more than a line of memory.
#[derive(Default)]
pub(super) struct Queue {
    /// The first message that waits, where it is a counted one that came when nothing waited.
    first: Option<Bytes>,
    /// Absent for nearly all connections, nearly always.
    rare: Option<Box<Rare>>,
    sent: u64,
    pushes: u32,
    pub(super) listed: Listed,
    /// The close frame is written, ours or the answer to the peer's: nothing may follow.
    pub(super) ended: bool,
    pub(super) lost: bool,
}

#[derive(Default)]
pub(super) struct Rare {
    /// What waits behind the first.
    items: VecDeque<Item>,
    /// Of those.
    counted_messages: usize,
    counted_bytes: usize,
    uncounted_bytes: usize,
    pub(super) closing: Option<Closing>,
    /// The end of a frame that the wire did not take, and what follows it without a copy.
    pub(super) rest: [Bytes; 2],
    /// Pongs, or the answer to a close.
    pub(super) control: Vec<u8>,
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
    /// The rare things, also those that are not there.
    pub(super) fn rare(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    /// The rare things, where there are any.
    pub(super) fn rare_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// The rare things, made where there are none.
    pub(super) fn make_rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// What is rare goes once nothing of it is left: a burst must not stay as memory on an idle connection.
    fn tidy(&mut self) {
        if self.rare.as_ref().is_some_and(|rare| rare.is_empty()) {
            self.rare = None;
        }
    }

    pub(super) fn closing(&self) -> Option<&Closing> {
        self.rare()?.closing.as_ref()
    }

    /// Whether nothing more is taken in.
    fn is_over(&self) -> bool {
        self.ended || self.closing().is_some()
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rare().map_or(0, |rare| rare.items.len())
    }

    fn messages(&self) -> impl Iterator<Item = &Bytes> {
        self.first.iter().chain(self.rare().into_iter().flat_map(|rare| &rare.items).map(|item| &item.message))
    }

    /// Messages and bytes that count against the bound.
    fn counted(&self) -> (usize, usize) {
        let (messages, bytes) = self.rare().map_or((0, 0), |rare| (rare.counted_messages, rare.counted_bytes));
        match &self.first {
            Some(first) => (messages + 1, bytes + first.len()),
            None => (messages, bytes),
        }
    }

    fn push(&mut self, message: Bytes, counted: bool) {
        if counted && self.len() == 0 {
            self.first = Some(message);
        } else {
            let rare = self.make_rare();
            if counted {
                rare.counted_messages += 1;
                rare.counted_bytes += message.len();
            } else {
                rare.uncounted_bytes += message.len();
            }
            rare.items.push_back(Item { message, counted });
        }
        self.pushes = self.pushes.wrapping_add(1);
        if self.pushes.is_multiple_of(SAMPLE_EVERY) && self.rare().is_none_or(|rare| rare.sample.is_none()) {
            let sample = Sample { queued: Instant::now(), behind: self.len() };
            self.make_rare().sample = Some(sample);
        }
    }

    /// How many of the first messages make one frame of at most so many bytes (but at least one message), and their bytes.
    pub(super) fn frame(&self, frame_bytes: usize) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0_usize);
        for message in self.messages() {
            if count > 0 && bytes + message.len() > frame_bytes {
                break;
            }
            count += 1;
            bytes += message.len();
        }
        (count, bytes)
    }

    /// Takes the first `count` messages.
    fn take(&mut self, count: usize, mut each: impl FnMut(Bytes)) {
        if count == 0 {
            return;
        }
        self.sent += count as u64;
        let first = self.first.take();
        let left = count - usize::from(first.is_some());
        first.into_iter().for_each(&mut each);
        let Some(rare) = &mut self.rare else { return };
        let Rare { items, counted_messages, counted_bytes, uncounted_bytes, .. } = &mut **rare;
        for item in items.drain(..left) {
            if item.counted {
                *counted_messages -= 1;
                *counted_bytes -= item.message.len();
            } else {
                *uncounted_bytes -= item.message.len();
            }
            each(item.message);
        }
        if let Some(sample) = &mut rare.sample {
            sample.behind = sample.behind.saturating_sub(count);
        }
        self.tidy();
    }

    /// How long a message that was taken had waited, if one of those is timed.
    pub(super) fn take_waited(&mut self) -> Option<Duration> {
        let sample = self.rare.as_mut()?.sample.take_if(|sample| sample.behind == 0);
        self.tidy();
        sample.map(|sample| sample.queued.elapsed())
    }

    /// Forgets what waits, but not the end of a frame that is half out: the close would be read as a part of it.
    fn overflow(&mut self) {
        let before = std::mem::take(self);
        let Self { sent, listed, lost, .. } = before;
        let rest = before.rare.map(|rare| rare.rest).unwrap_or_default();
        let closing = Some(Closing::new(CloseCode::SLOW_CONSUMER, "slow_consumer"));
        *self = Self { rare: Some(Box::new(Rare { closing, rest, ..Rare::default() })), sent, listed, lost, ..Self::default() };
    }

    /// Forgets all messages.
    pub(super) fn clear(&mut self) {
        self.first = None;
        if let Some(rare) = &mut self.rare {
            **rare = Rare { closing: rare.closing.take(), rest: std::mem::take(&mut rare.rest), ..Rare::default() };
        }
    }

    /// See [`Outbox::poll_calm`].
    fn is_calm(&self, limits: OutboxLimits) -> bool {
        let (messages, bytes) = self.counted();
        let uncounted_bytes = self.rare().map_or(0, |rare| rare.uncounted_bytes);
        uncounted_bytes <= limits.bytes && messages <= limits.messages / 2 && bytes <= limits.bytes / 2
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.rare().is_some_and(|rare| rare.rest.iter().any(|rest| !rest.is_empty()))
    }
}

impl Rare {
    fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.closing.is_none()
            && self.control.is_empty()
            && self.sample.is_none()
            && self.rest.iter().all(Bytes::is_empty)
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

/// See the module. The order of the fields is theirs in memory: what every delivery touches comes first.
#[repr(C)]
pub struct Outbox {
    limits: OutboxLimits,
    /// Held for a push, a take, or a write that does not block; never across an await.
    pub(super) queue: Mutex<Queue>,
    pub(super) direct: OnceLock<Direct>,
    /// One waker is enough: everything that polls an outbox lives in the connection's one task.
    pub(super) writer: AtomicWaker,
}

impl Outbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> Self {
        Self { limits, queue: Mutex::new(Queue::default()), direct: OnceLock::new(), writer: AtomicWaker::new() }
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
        if queue.is_over() {
            return false;
        }
        if counted {
            let (messages, bytes) = queue.counted();
            if messages >= self.limits.messages || bytes + message.len() > self.limits.bytes {
                // What waits would arrive late and be recovered anyway: the client comes back and recovers.
                queue.overflow();
                drop(queue);
                self.writer.wake();
                return false;
            }
        }
        queue.push(message, counted);
        if self.direct.get().is_none() {
            let was_empty = queue.len() == 1;
            drop(queue);
            if was_empty {
                self.writer.wake();
            }
            return true;
        }
        let wanted = if delay.is_zero() { Listed::Now } else { Listed::Later };
        // Where the socket is full, the connection's own task waits for it and takes everything.
        if queue.listed < wanted && !queue.is_blocked() {
            queue.listed = wanted;
            drop(queue);
            self.list(wanted, delay);
        }
        true
    }

    /// Ends the connection after what already waits has been written. The first reason stands.
    pub fn close(&self, closing: Closing) {
        let mut queue = self.queue.lock();
        if queue.closing().is_none() {
            queue.make_rare().closing = Some(closing);
            drop(queue);
            self.writer.wake();
        }
    }

    /// How the connection ends, once that is decided.
    pub fn closing(&self) -> Option<Closing> {
        self.queue.lock().closing().cloned()
    }

    /// Whether the end is decided.
    pub fn is_closing(&self) -> bool {
        self.queue.lock().closing().is_some()
    }

    /// Messages and bytes that wait.
    pub fn waiting(&self) -> (usize, usize) {
        let queue = self.queue.lock();
        (queue.len(), queue.messages().map(Bytes::len).sum())
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
        if queue.is_calm(self.limits) || queue.closing().is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits for something to write; takes whole messages up to `frame_bytes`, but at least one.
    pub fn poll_due(&self, cx: &Context<'_>, frame_bytes: usize) -> Poll<Due> {
        self.writer.register(cx.waker());
        self.take_due(frame_bytes).map_or(Poll::Pending, Poll::Ready)
    }

    /// What [`Outbox::poll_due`] gives, without waiting.
    pub fn take_due(&self, frame_bytes: usize) -> Option<Due> {
        let mut queue = self.queue.lock();
        if queue.len() == 0 {
            return queue.closing().cloned().map(Due::Close);
        }
        let mut taken = Vec::new();
        let (count, _) = queue.frame(frame_bytes);
        self.take(&mut queue, count, |message| taken.push(message));
        Some(Due::Messages(taken))
    }

    /// Takes the first `count` messages.
    pub(super) fn take(&self, queue: &mut Queue, count: usize, each: impl FnMut(Bytes)) {
        let was_calm = queue.is_calm(self.limits);
        queue.take(count, each);
        if !was_calm && queue.is_calm(self.limits) {
            // The reader waits for that: in another task than the flusher's, and in its own it may have looked in this round.
            self.writer.wake();
        }
    }

    /// How long a message that was taken had waited, if one of those is timed. To be asked once what was taken is written.
    pub fn take_waited(&self) -> Option<Duration> {
        self.queue.lock().take_waited()
    }
}
