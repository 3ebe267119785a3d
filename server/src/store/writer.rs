//! The writer: everything that waits goes into one transaction (group commit), each write within a savepoint of its own.
//!
//! One sync of the disk costs milliseconds, whatever it makes safe; so writes that come while one runs wait for the next and share
//! it. There is one writer at a time, on a thread of the runtime for blocking work as long as there is something to write: under a
//! paused clock, time then stands still until the disk has answered.

use super::Tx;
use super::error::{StoreError, Trouble};
use super::ids::Ids;
use crate::clock::Clock;
use crate::observe::faults::fault;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Writes of one transaction. A reader may wait for so many at most before the log is written back.
pub(super) const MAX_BATCH: usize = 512;

/// One write that waits.
pub(super) trait Work: Send {
    /// Does it, inside the transaction.
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), StoreError>;
    /// Tells whoever waits, once the transaction is on the disk, or why it is not.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
    /// What it is, for logs.
    fn what(&self) -> &'static str;
}

/// A closure, and whoever waits for it.
pub(super) struct Waiting<T, F> {
    pub(super) what: &'static str,
    pub(super) work: Option<F>,
    pub(super) done: Option<T>,
    pub(super) told: oneshot::Sender<Result<T, StoreError>>,
    /// Its place among those that may wait.
    pub(super) _place: OwnedSemaphorePermit,
}

impl<T, F> Work for Waiting<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
{
    fn run(&mut self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let Some(work) = self.work.take() else { return Err(StoreError::internal("a write was run twice")) };
        self.done = Some(work(tx)?);
        Ok(())
    }
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let done = self.done;
        let outcome = outcome.and_then(|()| done.ok_or_else(|| StoreError::internal("a write has no result")));
        // Nobody waits any more: what was written stays.
        let _nobody_waits = self.told.send(outcome);
    }
    fn what(&self) -> &'static str {
        self.what
    }
}

/// What a transaction needs beside the connection.
pub(super) struct Writer<'a> {
    pub(super) ids: &'a Ids,
    pub(super) clock: &'a Clock,
}

/// What became of one write, before its transaction is on the disk.
type Ran = (Box<dyn Work>, Result<(), StoreError>);

/// What one transaction came to.
#[derive(Debug)]
pub(super) struct Committed {
    /// Writes that were answered.
    pub(super) writes: usize,
    /// How each of them ended.
    pub(super) errors: Vec<StoreError>,
    /// The transaction, from its begin to its sync.
    pub(super) took: std::time::Duration,
}

impl Writer<'_> {
    /// Runs writes from the front in one transaction, commits it and answers them. Takes at least one; leaves what did not come to
    /// run because SQLite gave the transaction up.
    pub(super) fn commit(&self, connection: &mut Connection, waiting: &mut VecDeque<Box<dyn Work>>) -> Committed {
        let began = Instant::now();
        let mut ran: Vec<Ran> = Vec::with_capacity(waiting.len());
        let outcome = self.transaction(connection, waiting, &mut ran);
        if outcome.is_err() && ran.is_empty() {
            // It did not even begin: all of them fail alike, rather than one after the other, each after its own wait.
            ran.extend(waiting.drain(..).map(|work| (work, Ok(()))));
        }
        let mut committed = Committed { writes: ran.len(), errors: Vec::new(), took: began.elapsed() };
        for (work, own) in ran {
            let result = own.and_then(|()| outcome.clone());
            committed.errors.extend(result.as_ref().err().cloned());
            work.answer(result);
        }
        committed
    }

    fn transaction(
        &self,
        connection: &mut Connection,
        waiting: &mut VecDeque<Box<dyn Work>>,
        ran: &mut Vec<Ran>,
    ) -> Result<(), StoreError> {
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        while let Some(mut work) = waiting.pop_front() {
            let outcome = self.run(&mut transaction, &mut *work);
            ran.push((work, outcome));
            if transaction.is_autocommit() {
                // A full disk, for one, makes SQLite roll everything back by itself.
                return Err(StoreError::unavailable(Trouble::Io, "SQLite gave up the transaction that this write was in"));
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// One write, undone by itself where it fails.
    fn run(&self, transaction: &mut rusqlite::Transaction<'_>, work: &mut dyn Work) -> Result<(), StoreError> {
        let what = work.what();
        let mut savepoint = transaction.savepoint()?;
        let tx = Tx { connection: &savepoint, ids: self.ids, now_ms: self.clock.now_ms() };
        let outcome = catch_unwind(AssertUnwindSafe(|| work.run(&tx))).unwrap_or_else(|_| {
            fault!(critical, Internal, what, "a write to the store panicked: it was undone");
            Err(StoreError::internal("a write to the store panicked"))
        });
        match outcome {
            Ok(()) => savepoint.commit().map_err(StoreError::from),
            Err(error) => {
                // Where SQLite has rolled everything back there is nothing left to undo.
                if let Err(undo) = savepoint.rollback() {
                    tracing::debug!(target: "pulsewire_relay::store", what, %undo, "nothing to undo");
                }
                Err(error)
            }
        }
    }
}
