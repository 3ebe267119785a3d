//! What Redis has told and nobody has looked at yet, bounded in number and bytes.
//!
//! A relay that stalls must not take all memory with what others publish meanwhile. Beyond the bound everything is thrown away and
//! the connection is made anew, which compares each channel with its stream: what was dropped is delivered after all.
//!
//! The bound in bytes is that of Redis itself (`client-output-buffer-limit pubsub 32mb`), which does the same where a relay does not
//! even read.

use redis::{PushInfo, PushKind, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// More than this may not wait.
const MAX_WAITING: usize = 65_536;
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Messages taken at a time.
const TAKEN_AT_ONCE: usize = 128;

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    is_too_much: AtomicBool,
}

/// The end that is read.
pub(super) struct Pushes {
    receiver: mpsc::Receiver<PushInfo>,
    waiting: Arc<Waiting>,
}

/// Nobody takes it.
#[derive(Debug)]
pub(super) struct Dropped;

/// Both ends. The first never waits: it is called where the connection is read.
pub(super) fn pushes() -> (impl Fn(PushInfo) -> Result<(), Dropped> + Send + Sync + 'static, Pushes) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let waiting = Arc::new(Waiting::default());
    let counted = Arc::clone(&waiting);
    let send = move |push: PushInfo| {
        // Confirmations come by their commands' answers, thousands of them where many channels are held.
        if !matches!(push.kind, PushKind::Message | PushKind::SMessage | PushKind::Disconnection) {
            return Ok(());
        }
        if counted.is_too_much.load(Ordering::Relaxed) {
            return Err(Dropped);
        }
        let bytes = weight(&push);
        let before = counted.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= MAX_WAITING_BYTES && sender.try_send(push).is_ok() {
            return Ok(());
        }
        counted.is_too_much.store(true, Ordering::Relaxed);
        Err(Dropped)
    };
    (send, Pushes { receiver, waiting })
}

fn weight(push: &PushInfo) -> usize {
    let bytes = |value: &Value| match value {
        Value::BulkString(bytes) => bytes.len(),
        _ => 0,
    };
    push.data.iter().map(bytes).sum()
}

impl Pushes {
    /// Takes some, waiting for the first; 0 where no more will come. Nothing is lost where this is dropped.
    pub(super) async fn take(&mut self, into: &mut Vec<PushInfo>) -> usize {
        let before = into.len();
        let count = self.receiver.recv_many(into, TAKEN_AT_ONCE).await;
        let bytes: usize = into.iter().skip(before).map(weight).sum();
        self.waiting.bytes.fetch_sub(bytes, Ordering::Relaxed);
        count
    }

    /// Whether something was thrown away.
    pub(super) fn are_too_many(&self) -> bool {
        self.waiting.is_too_much.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> PushInfo {
        PushInfo { kind: PushKind::Message, data: vec![Value::BulkString(b"name".to_vec()), Value::BulkString(vec![0; bytes])] }
    }

    #[tokio::test]
    async fn what_is_taken_makes_room_for_more() {
        let (send, mut pushes) = pushes();
        for _ in 0..10 {
            let mut taken = Vec::new();
            for _ in 0..20 {
                send(message(1 << 20)).unwrap();
            }
            while taken.len() < 20 {
                assert!(pushes.take(&mut taken).await > 0);
            }
        }
        assert!(!pushes.are_too_many());
        assert_eq!(pushes.waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn too_many_bytes_or_messages_are_thrown_away_and_so_is_all_that_comes_after() {
        let (send, mut big) = pushes();
        let taken = (0..100).filter(|_| send(message(1 << 20)).is_ok()).count();
        assert_eq!(taken, 31, "with their names 32 are too much");
        assert!(big.are_too_many() && send(message(1)).is_err());
        let mut rest = Vec::new();
        assert_eq!(big.take(&mut rest).await, 31);
        let (send, many) = pushes();
        assert_eq!((0..100_000).filter(|_| send(message(1)).is_ok()).count(), MAX_WAITING);
        assert!(many.are_too_many());
    }

    #[tokio::test]
    async fn confirmations_do_not_count_and_the_end_is_seen() {
        let (send, mut pushes) = pushes();
        for _ in 0..100_000 {
            send(PushInfo { kind: PushKind::Subscribe, data: vec![Value::BulkString(vec![0; 100])] }).unwrap();
        }
        assert!(!pushes.are_too_many());
        send(PushInfo { kind: PushKind::Disconnection, data: Vec::new() }).unwrap();
        drop(send);
        let mut taken = Vec::new();
        assert_eq!((pushes.take(&mut taken).await, pushes.take(&mut taken).await), (1, 0));
    }
}
