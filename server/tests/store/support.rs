//! A store, a folder that goes with the test, and a table to play with: `users`, whose `name` holds anything.

use pulsewire_relay::observe::Metrics;
use pulsewire_relay::observe::metrics::Snapshot;
use pulsewire_relay::store::{Place, Store, StoreError, Trouble};
use pulsewire_relay::{Clock, Entropy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub const START_MS: u64 = 1_800_000_000_000;

/// A folder that is removed with its value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pulsewire-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn database(&self) -> PathBuf {
        self.0.join(pulsewire_relay::store::FILE)
    }
    pub fn open(&self) -> (Store, Arc<Metrics>) {
        open(&Place::Folder(self.0.clone()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn open(place: &Place) -> (Store, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let store = Store::open(place, Clock::starting_at(START_MS), Entropy::from_seed(1), Arc::clone(&metrics)).unwrap();
    (store, metrics)
}

/// One figure of the metrics.
pub fn figure(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render(Snapshot::default()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("pulsewire_{name} "))).unwrap_or_else(|| panic!("no {name}"));
    line.parse().unwrap()
}

pub async fn put(store: &Store, tenant: &str, user: &str, name: &str) -> Result<(), StoreError> {
    let row = (tenant.to_owned(), user.to_owned(), name.to_owned());
    store
        .write("put", move |tx| {
            tx.prepare_cached("INSERT INTO users (tenant, user, name, seen_at_ms) VALUES (?1, ?2, ?3, ?4)")?.execute((
                row.0,
                row.1,
                row.2,
                tx.now_ms(),
            ))?;
            Ok(())
        })
        .await
}

pub async fn users(store: &Store, tenant: &str) -> Vec<String> {
    let tenant = tenant.to_owned();
    let found = store.read("users", move |db| {
        let mut find = db.prepare_cached("SELECT user FROM users WHERE tenant = ?1 ORDER BY user")?;
        let found = find.query_map([tenant], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    });
    found.await.unwrap()
}

#[track_caller]
pub fn assert_trouble<T: std::fmt::Debug>(result: &Result<T, StoreError>, wanted: Trouble) {
    assert!(matches!(result, Err(StoreError::Unavailable { trouble, .. }) if *trouble == wanted), "{wanted:?}: {result:?}");
}
