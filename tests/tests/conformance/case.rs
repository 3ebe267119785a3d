//! What a case sends, what it expects, and how it is judged.

use crate::peer::{BINARY, CLOSE, CONTINUATION, Event, FIN, PING, Reader, TEXT, Writer, frame, open};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a fail-fast case waits for the relay to close before it sends the rest: only what is not strict takes it whole.
const FAIL_FAST_WITHIN: Duration = Duration::from_millis(500);

pub fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | TEXT, payload.as_ref())
}
pub fn binary(payload: &[u8]) -> Vec<u8> {
    frame(FIN | BINARY, payload)
}
pub fn ping(payload: &[u8]) -> Vec<u8> {
    frame(FIN | PING, payload)
}
pub fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// A message in these fragments.
pub fn fragments(opcode: u8, parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let last = parts.len() - 1;
    let first = |at: usize| if at == 0 { opcode } else { CONTINUATION } | if at == last { FIN } else { 0 };
    parts.iter().enumerate().map(|(at, part)| frame(first(at), part)).collect()
}

/// How the bytes go out.
#[derive(Clone, Copy)]
pub enum Pieces {
    /// All at once.
    Whole,
    /// Frame by frame.
    Frames,
    /// In pieces of so many bytes.
    Of(usize),
}

/// How it ends.
#[derive(Clone)]
pub enum End {
    /// We close with 1000 once all events came, and the relay with us.
    Normal,
    /// The relay fails the connection with one of these codes.
    Fails(Vec<u16>),
    /// We closed already: the relay answers with one of these codes.
    Answers(Vec<u16>),
}

/// One case of Autobahn's test suite.
pub struct Case {
    pub number: String,
    frames: Vec<Vec<u8>>,
    pieces: Pieces,
    events: Vec<Event>,
    or_events: Option<Vec<Event>>,
    end: End,
    fails_at: Option<usize>,
    informational: bool,
}

impl Case {
    /// Frames that are answered by these events.
    pub fn new(number: impl Into<String>, frames: Vec<Vec<u8>>, events: Vec<Event>) -> Self {
        let number = number.into();
        Self { number, frames, pieces: Pieces::Whole, events, or_events: None, end: End::Normal, fails_at: None, informational: false }
    }
    pub fn by(self, pieces: Pieces) -> Self {
        Self { pieces, ..self }
    }
    pub fn ends(self, end: End) -> Self {
        Self { end, ..self }
    }
    /// What may come instead, without being strict: an endpoint may fail before it has told what came earlier.
    pub fn or(self, events: Vec<Event>) -> Self {
        Self { or_events: Some(events), ..self }
    }
    /// The piece at which the connection ought to fail at once, although more is to come.
    pub fn failing_at(self, piece: usize) -> Self {
        Self { fails_at: Some(piece), ..self }
    }
    /// The RFC leaves it open: any end will do.
    pub fn informational(self) -> Self {
        Self { informational: true, ..self }
    }
}

/// Autobahn's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As the RFC wants it.
    Ok,
    /// Right in the end, but later, or with less told, than it could be.
    NonStrict,
    /// The RFC leaves it open.
    Informational,
    /// Wrong.
    Failed,
}

/// Sends the frames in their pieces, until the relay takes no more.
async fn send(writer: &mut Writer, frames: &[Vec<u8>], pieces: Pieces) {
    match pieces {
        Pieces::Frames => {
            for frame in frames {
                if !writer.send(frame).await {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
        Pieces::Whole | Pieces::Of(_) => {
            let whole = frames.concat();
            let size = if let Pieces::Of(size) = pieces { size } else { whole.len().max(1) };
            for piece in whole.chunks(size) {
                if !writer.send(piece).await {
                    return;
                }
            }
        }
    }
}

/// Reads events until there are so many, or the relay closes.
async fn read(reader: &mut Reader, events: &mut Vec<Event>, at_most: usize) {
    while events.len() < at_most
        && let Some(event) = reader.next().await
    {
        events.push(event);
    }
}

impl Case {
    /// Runs it on a connection of its own.
    ///
    /// # Panics
    /// Where the relay hangs or frames wrongly.
    pub async fn run(&self, address: SocketAddr) -> (Verdict, String) {
        let binary = self.frames.iter().any(|frame| frame.first().is_some_and(|first| first & 0x0F == BINARY));
        let (mut writer, mut reader) = open(address, if binary { "/echo/binary" } else { "/echo" }).await;
        let mut events = Vec::new();
        let mut fast = true;
        if let Some(at) = self.fails_at {
            let (first, rest) = self.frames.split_at(at + 1);
            send(&mut writer, first, Pieces::Frames).await;
            fast = tokio::time::timeout(FAIL_FAST_WITHIN, reader.next()).await.is_ok();
            if !fast {
                send(&mut writer, rest, Pieces::Frames).await;
            }
        } else {
            let wanted = if matches!(self.end, End::Normal) { self.events.len() } else { usize::MAX };
            // At the same time: whoever only sends fills the buffers of both sides.
            tokio::join!(send(&mut writer, &self.frames, self.pieces), read(&mut reader, &mut events, wanted));
        }
        if matches!(self.end, End::Normal) {
            writer.send(&close(1000, b"")).await;
        }
        read(&mut reader, &mut events, usize::MAX).await;
        if matches!(self.end, End::Fails(_)) {
            writer.send(&close(1000, b"")).await;
        }
        writer.finish().await;
        let clean = reader.is_over().await;
        self.judge(&events, reader.closed.unwrap_or(1006), fast, clean)
    }

    fn judge(&self, events: &[Event], code: u16, fast: bool, clean: bool) -> (Verdict, String) {
        let normal = vec![1000];
        let codes = match &self.end {
            End::Normal => &normal,
            End::Fails(codes) | End::Answers(codes) => codes,
        };
        let told = format!("{} events, closed with {code}{}", events.len(), if clean { "" } else { ", and more behind the close" });
        if self.informational {
            return (Verdict::Informational, told);
        }
        let strict = events == self.events;
        let lenient = self.or_events.as_deref().is_some_and(|other| events == other);
        let verdict = match (codes.contains(&code) && clean, strict && fast, strict || lenient) {
            (true, true, _) => Verdict::Ok,
            (true, false, true) => Verdict::NonStrict,
            _ => Verdict::Failed,
        };
        (verdict, told)
    }
}
