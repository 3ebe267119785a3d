//! Writing what waits for a connection to its socket: frames put together in one buffer, one system call for all that waits.
//!
//! A [`Wire`] is the peer's end of a byte stream whose writes never block. What it does not take now is kept, and the connection's
//! own task waits until it takes more ([`Outbox::poll_end`]); all other writing is the flusher's ([`Outbox::flush_listed`]).
//!
//! Trap: the queue's lock is held while a wire is written. That is what keeps two writers from mixing their frames.

use super::flusher::Flusher;
use super::frame;
use super::outbox::{Closing, Listed, Outbox, Queue};
use bytes::{Buf as _, Bytes};
use pulsewire_protocol::Format;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Messages are joined into frames of about this size; a larger message is a frame of its own.
pub const FRAME_BYTES: usize = 32 * 1024;
/// Pongs that may wait.
const MAX_CONTROL_BYTES: usize = 2 * 1024;

/// The peer's end of a byte stream, such as a TCP socket. Writes never block.
pub trait Wire: Send + Sync {
    /// Writes as much as it takes now, at least one byte. `WouldBlock` where it takes none; any other error is its end.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Waits until it may take some. Only the connection's own task waits.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// The way out of a connection that is not emptied by its own task.
pub(super) struct Direct {
    wire: Arc<dyn Wire>,
    flusher: Arc<Flusher>,
    format: Format,
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

impl Queue {
    /// Keeps the end of a frame for later, before what follows it.
    fn keep(&mut self, bytes: &[u8]) {
        let [rest, _] = &mut self.make_rare().rest;
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

impl Outbox {
    /// Gives it a wire, once and before anything is read from the peer.
    pub fn attach(self: &Arc<Self>, wire: Arc<dyn Wire>, format: Format, flusher: Arc<Flusher>) {
        // A second wire would be a defect of the caller; the first stays.
        if self.direct.set(Direct { wire, flusher, format }).is_ok() {
            self.list(Listed::Now, Duration::ZERO);
        }
    }

    pub(super) fn list(self: &Arc<Self>, wanted: Listed, delay: Duration) {
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
        let waiting = &mut queue.make_rare().control;
        if waiting.len() + control.len() > MAX_CONTROL_BYTES {
            // Whoever floods with pings and reads no answer gets the newest.
            waiting.clear();
        }
        waiting.extend_from_slice(control);
        if queue.listed < Listed::Now && !queue.is_blocked() {
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
            queue.clear();
            close.clone_into(&mut queue.make_rare().control);
            queue.ended = true;
        }
        self.flush(&mut scratch);
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
                if !queue.is_blocked() && queue.closing().is_none() {
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
            if let Some(rare) = queue.rare_mut() {
                let mut refused = None;
                for part in &mut rare.rest {
                    while !part.is_empty() && refused.is_none() {
                        match direct.wire.try_write(part) {
                            Ok(written) => part.advance(written.min(part.len())),
                            Err(error) => refused = Some(error),
                        }
                    }
                }
                if let Some(error) = refused {
                    return queue.failed(&error);
                }
            }
            if queue.ended && queue.rare().is_none_or(|rare| rare.control.is_empty()) {
                return Flushed::Ended;
            }
            if !self.put_together(&mut queue, direct.format, scratch) {
                scratch.waited = queue.take_waited().or(scratch.waited);
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
        if let Some(rare) = queue.rare_mut() {
            scratch.frame.append(&mut rare.control);
        }
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
            if !large.is_empty() {
                let [_, behind] = &mut queue.make_rare().rest;
                *behind = large;
            }
        } else if !queue.ended
            && let Some(closing) = queue.closing()
        {
            frame::close(closing, &mut scratch.frame);
            queue.ended = true;
        }
        !scratch.frame.is_empty()
    }
}
