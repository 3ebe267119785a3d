//! What waits to be written to one connection: bounded by number and bytes, filled by anyone, emptied by its writer.
//!
//! Why not a channel of tokio: its bound counts messages but not bytes, its blocks cost memory on every idle connection, and
//! overflow must become a close code instead of an error at the publisher. A push never waits, so one slow reader never
//! delays another.

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use pulsewire_protocol::CloseCode;
use std::collections::VecDeque;
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

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    counted_messages: usize,
    counted_bytes: usize,
    uncounted_bytes: usize,
    closing: Option<Closing>,
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

/// What the writer does next.
#[derive(Debug)]
pub enum Due {
    /// Write these as one frame.
    Messages(Vec<Bytes>),
    /// Nothing is left: write the close frame and end.
    Close(Closing),
}

/// See the module.
pub struct Outbox {
    limits: OutboxLimits,
    /// Held for a push or a take, never across an await.
    queue: Mutex<Queue>,
    /// One waker is enough: everything that polls an outbox lives in the connection's one task.
    writer: AtomicWaker,
}

impl Outbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> Self {
        Self { limits, queue: Mutex::new(Queue::default()), writer: AtomicWaker::new() }
    }

    /// What may wait here.
    pub fn limits(&self) -> OutboxLimits {
        self.limits
    }

    /// Adds an encoded message. Returns false where the connection is closing, or closes now because its queue overflowed.
    pub fn push(&self, message: Bytes) -> bool {
        self.add(message, true)
    }

    /// Adds a message that does not count against the bound: an answer with a recovery in it, which has its own limit. The
    /// reader takes no further command while much of this waits ([`Outbox::poll_calm`]), so it is bounded too.
    pub fn push_uncounted(&self, message: Bytes) -> bool {
        self.add(message, false)
    }

    fn add(&self, message: Bytes, counted: bool) -> bool {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() {
            return false;
        }
        let was_empty = queue.items.is_empty();
        if counted {
            queue.counted_messages += 1;
            queue.counted_bytes += message.len();
            if queue.counted_messages > self.limits.messages || queue.counted_bytes > self.limits.bytes {
                // What waits would arrive late and be recovered anyway: the client comes back and recovers.
                *queue = Queue { closing: Some(Closing::new(CloseCode::SLOW_CONSUMER, "slow_consumer")), ..Queue::default() };
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
        drop(queue);
        if was_empty {
            self.writer.wake();
        }
        true
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

    /// Waits until no more uncounted bytes wait than counted ones may.
    pub fn poll_calm(&self, cx: &Context<'_>) -> Poll<()> {
        self.writer.register(cx.waker());
        let queue = self.queue.lock();
        if queue.uncounted_bytes <= self.limits.bytes || queue.closing.is_some() { Poll::Ready(()) } else { Poll::Pending }
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
        let mut bytes = 0;
        let was_calm = queue.uncounted_bytes <= self.limits.bytes;
        while let Some(item) = queue.items.pop_front_if(|item| bytes == 0 || bytes + item.message.len() <= frame_bytes) {
            bytes += item.message.len().max(1);
            if item.counted {
                queue.counted_messages -= 1;
                queue.counted_bytes -= item.message.len();
            } else {
                queue.uncounted_bytes -= item.message.len();
            }
            taken.push(item.message);
        }
        if let Some(sample) = &mut queue.sample {
            sample.behind = sample.behind.saturating_sub(taken.len());
        }
        if queue.items.is_empty() && queue.items.capacity() > 64 {
            // A burst must not stay as memory on an idle connection.
            queue.items = VecDeque::new();
        }
        let calm_now = !was_calm && queue.uncounted_bytes <= self.limits.bytes;
        drop(queue);
        if calm_now {
            // The reader of the same task may already have looked in this round.
            self.writer.wake();
        }
        Some(Due::Messages(taken))
    }

    /// How long a message that was taken had waited, if one of those is timed. To be asked once what was taken is written.
    pub fn take_waited(&self) -> Option<Duration> {
        let sample = self.queue.lock().sample.take_if(|sample| sample.behind == 0)?;
        Some(sample.queued.elapsed())
    }
}
