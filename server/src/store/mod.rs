//! What survives a restart: SQLite in one file, behind a door of two methods.
//!
//! # Contract
//!
//! - **Accepted is kept.** [`Store::write`] answers `Ok` only once the transaction is on the disk (`synchronous=FULL`): neither a
//!   crash of the process nor of the machine takes it back. An error means that nothing of it was kept, but for one case: where the
//!   disk itself failed while it was syncing, nobody can know; so every write must bear to be repeated.
//! - **All or nothing.** What one closure writes appears together or not at all, and the failure of one never undoes another's.
//! - **In order.** Writes take effect in the order in which `write` was first polled; a [`Store::read`] that begins after a write was
//!   answered sees it, and sees one moment throughout.
//! - **A write that was begun is done**, also where whoever waits for it goes away.
//! - **Nothing blocks the runtime, nothing panics, nothing is without a bound**: SQL runs on threads for blocking work; what finds too
//!   much waiting is told `unavailable` after a while; what SQLite cannot do becomes [`StoreError::Unavailable`], one line in the log (at
//!   most one in ten seconds for each kind of trouble) and a count; a panic of a closure is undone and told as `internal`.
//!
//! # For those who write SQL
//!
//! A closure runs inside a savepoint: it must not begin, commit or roll back, nor block on anything but the store. `tenant` comes
//! first in every key and every `WHERE`, and always from the token. Statements go through `prepare_cached`. Each service keeps its SQL
//! in its own file; its tables come by a step in `migrations/`.

mod backup;
mod cursor;
mod error;
mod ids;
mod migrations;
mod once;
mod open;
mod writer;

pub use backup::{Copied, backup, check, restore};
pub use cursor::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest, read as read_cursor};
pub use error::{StoreError, Trouble};
pub use ids::Ids;
pub use once::{KEPT_MS as ANSWERS_KEPT_MS, Known, Once, once};
pub use open::{FILE, LOCK_FILE, OpenError, Place, lock};

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::observe::Metrics;
use crate::observe::faults::fault;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use writer::{MAX_BATCH, Waiting, Work, Writer};

/// Writes that may wait.
const MAX_WAITING: usize = 4_096;
/// Reads that run at a time: each has a connection.
const READERS: usize = 4;
/// How long a place among those that wait is waited for.
const PLACE_WITHIN: Duration = Duration::from_secs(5);
/// One trouble is told once in this time.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The inside of a write: the connection (by `Deref`), the time and fresh ids.
pub struct Tx<'a> {
    connection: &'a Connection,
    ids: &'a Ids,
    now_ms: u64,
}

impl Tx<'_> {
    /// The relay's clock when this write began.
    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.now_ms).unwrap_or(i64::MAX)
    }
    /// A fresh id: above all that were made before.
    pub fn new_id(&self) -> String {
        self.ids.make()
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// See the module. Cheap to clone; the file is closed by [`Store::close`], or with the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    ids: Ids,
    metrics: Arc<Metrics>,
    file: Option<PathBuf>,
    /// `None` once it is closed. Held for one transaction, or for one read where the database is in memory.
    writer: Mutex<Option<Connection>>,
    queue: Mutex<Queue>,
    places: Arc<Semaphore>,
    /// Connections that nobody reads with.
    readers: Mutex<Vec<Connection>>,
    reading: Arc<Semaphore>,
    /// When each kind of trouble was last told, and how often it came since.
    told: Mutex<HashMap<&'static str, (Instant, u64)>>,
    lock: Mutex<Option<File>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Work>>,
    /// Whether a writer is at work: it looks again before it ends.
    writing: bool,
}

impl Store {
    /// Opens it, makes it where it is missing, and brings its schema up to date. Blocks for as long as that takes.
    pub fn open(place: &Place, clock: Clock, entropy: Entropy, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        let opened = open::open(place)?;
        let inner = Inner {
            ids: Ids::new(clock.clone(), entropy),
            clock,
            metrics,
            file: opened.file,
            writer: Mutex::new(Some(opened.writer)),
            queue: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            readers: Mutex::default(),
            reading: Arc::new(Semaphore::new(READERS)),
            told: Mutex::default(),
            lock: Mutex::new(opened.lock),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether it outlives the process.
    pub fn is_durable(&self) -> bool {
        self.inner.file.is_some()
    }

    /// Writes that wait for the one that is at work.
    pub fn waiting(&self) -> usize {
        self.inner.queue.lock().waiting.len()
    }

    /// Fresh ids, outside of a write.
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// The relay's clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Writes; see the module's contract. `what` names it in logs: the method, such as `notifications.read`.
    pub async fn write<T, F>(&self, what: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let began = Instant::now();
        let written = self.write_unseen(what, work).await;
        self.inner.metrics.store_write(written.as_ref().err().map_or("ok", StoreError::word), began.elapsed().as_secs_f64());
        written
    }

    async fn write_unseen<T, F>(&self, what: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let place = self.inner.place(&self.inner.places).await?;
        let (told, answer) = oneshot::channel();
        self.inner.push(Box::new(Waiting { what, work: Some(work), done: None, told, _place: place }));
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable(Trouble::Closed, "the write was given up")))
    }

    /// Reads; see the module's contract.
    pub async fn read<T, F>(&self, what: &'static str, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let began = Instant::now();
        let read = match self.inner.place(&self.inner.reading).await {
            Ok(place) => {
                let inner = Arc::clone(&self.inner);
                let reading = tokio::task::spawn_blocking(move || {
                    let _place = place;
                    inner.read(what, work)
                });
                reading.await.unwrap_or_else(|error| Err(StoreError::internal(format!("a read was given up: {error}"))))
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &read {
            self.inner.tell(what, error);
        }
        self.inner.metrics.store_read(read.as_ref().err().map_or("ok", StoreError::word), began.elapsed().as_secs_f64());
        read
    }

    /// Finishes what waits, writes the log back into the file and lets the file go. Everything that comes later is `unavailable`.
    pub async fn close(&self) {
        self.inner.places.close();
        self.inner.reading.close();
        let inner = Arc::clone(&self.inner);
        if let Err(error) = tokio::task::spawn_blocking(move || inner.close()).await {
            fault!(error, Store, %error, "the store could not be closed in order: it will be recovered when it is next opened");
        }
    }
}

impl Inner {
    async fn place(&self, places: &Arc<Semaphore>) -> Result<tokio::sync::OwnedSemaphorePermit, StoreError> {
        let place = tokio::time::timeout(PLACE_WITHIN, Arc::clone(places).acquire_owned()).await;
        match place {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(StoreError::unavailable(Trouble::Closed, "the store is closed")),
            Err(_) => {
                let error = StoreError::unavailable(Trouble::Overloaded, "no place came free among those that wait");
                self.tell("waiting", &error);
                Err(error)
            }
        }
    }

    fn push(self: &Arc<Self>, work: Box<dyn Work>) {
        let mut queue = self.queue.lock();
        queue.waiting.push_back(work);
        if !queue.writing {
            queue.writing = true;
            let inner = Arc::clone(self);
            // It ends when nothing waits.
            drop(tokio::task::spawn_blocking(move || inner.write_all()));
        }
    }

    /// Writes until nothing waits.
    fn write_all(&self) {
        loop {
            // Before the queue: what was taken out first is written first, also while `close` helps.
            let mut writer = self.writer.lock();
            let mut batch: VecDeque<Box<dyn Work>> = {
                let mut queue = self.queue.lock();
                if queue.waiting.is_empty() {
                    queue.writing = false;
                    return;
                }
                let count = queue.waiting.len().min(MAX_BATCH);
                queue.waiting.drain(..count).collect()
            };
            while !batch.is_empty() {
                self.write_batch(writer.as_mut(), &mut batch);
            }
            // Whoever waits for the connection (a read, where the database is in memory) comes before the next batch.
            parking_lot::MutexGuard::unlock_fair(writer);
        }
    }

    fn write_batch(&self, connection: Option<&mut Connection>, batch: &mut VecDeque<Box<dyn Work>>) {
        let Some(connection) = connection else {
            let closed = StoreError::unavailable(Trouble::Closed, "the store is closed");
            batch.drain(..).for_each(|work| work.answer(Err(closed.clone())));
            return;
        };
        let what = batch.front().map_or("nothing", |work| work.what());
        let committed = Writer { ids: &self.ids, clock: &self.clock }.commit(connection, batch);
        self.metrics.store_committed(committed.writes, committed.took.as_secs_f64());
        for error in &committed.errors {
            self.tell(what, error);
        }
    }

    fn read<T>(&self, what: &'static str, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let run = |connection: &Connection| {
            // Several queries see one moment.
            let moment = connection.unchecked_transaction()?;
            let read = catch_unwind(AssertUnwindSafe(|| work(&moment))).unwrap_or_else(|_| {
                fault!(critical, Internal, what, "a read of the store panicked");
                Err(StoreError::internal("a read of the store panicked"))
            })?;
            moment.finish()?;
            Ok(read)
        };
        let closed = || StoreError::unavailable(Trouble::Closed, "the store is closed");
        let Some(file) = &self.file else { return run(self.writer.lock().as_ref().ok_or_else(closed)?) };
        let reader = self.readers.lock().pop();
        let reader = match reader {
            Some(reader) => reader,
            None => open::reader(file)?,
        };
        let read = run(&reader);
        // A connection that failed may hold on to what is damaged.
        if !matches!(read, Err(StoreError::Unavailable { .. })) {
            self.readers.lock().push(reader);
        }
        read
    }

    fn close(&self) {
        // The writer that is at work finishes its batch; what still waits behind it is written here.
        self.write_all();
        self.readers.lock().clear();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            let written_back = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = written_back {
                fault!(warning, Store, %error, "the log of the store was not written back: that is done when it is next opened");
            }
            if let Err((_, error)) = writer.close() {
                fault!(warning, Store, %error, "the store was not closed in order");
            }
        }
        drop(self.lock.lock().take());
    }

    /// One line for each kind of trouble in ten seconds: a full disk fails every write.
    fn tell(&self, what: &'static str, error: &StoreError) {
        let word = match error {
            StoreError::Refused(_) | StoreError::Unavailable { trouble: Trouble::Closed, .. } => return,
            error => error.word(),
        };
        let mut told = self.told.lock();
        let times = match told.get_mut(word) {
            Some((at, unsaid)) if at.elapsed() < TOLD_EVERY => {
                *unsaid += 1;
                return;
            }
            known => known.map_or(0, |(_, unsaid)| *unsaid),
        };
        told.insert(word, (Instant::now(), 0));
        drop(told);
        match error {
            StoreError::Unavailable { trouble: Trouble::Locked | Trouble::Overloaded, detail } => {
                fault!(error, Store, what, trouble = word, detail, unsaid = times, "the store cannot serve now");
            }
            error => fault!(critical, Store, what, trouble = word, %error, unsaid = times, "the store cannot serve"),
        }
    }
}
