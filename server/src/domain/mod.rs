//! What the relay itself knows of the ward: what must outlive it, in the [`store`](crate::store), and what is computed from live
//! state (devices, active alerts, statistics).
//!
//! A cargo feature (`domain`, on by default): it comes in through [`Tap`](crate::relay::Tap), [`Methods`](crate::relay::Methods),
//! [`Keeper`](crate::relay::Keeper) and [`Seen`](crate::relay::Seen) alone, and `services` is the one place that knows of it.
//!
//! A new service: its file here implements [`Service`] and stands in [`Domain::attach`]; its tables are a step in
//! `store/migrations`; its HTTP routes are a file in `api/domain`.

pub mod alerts;
mod answers;
pub mod conversations;
mod dashboard;
pub mod devices;
pub mod executions;
pub mod notifications;
pub mod params;
pub mod patients;
pub mod registry;
pub mod rights;
mod scope;
pub mod service;
pub mod state;
pub mod usage;
pub mod users;

pub use alerts::Alerts;
pub use dashboard::Dashboard;
pub use devices::Devices;
pub use notifications::Notifications;
pub use patients::Patients;
pub use registry::DeviceView;
pub use service::Service;
pub use state::WardState;
pub use usage::Usage;
pub use users::Users;

use crate::observe::faults::fault;
use crate::relay::{Methods, Relay, Seen};
use crate::store::Store;
use conversations::Conversations;
use executions::Executions;
use service::Keeping;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often what was seen is written.
const KEEP_UP_EVERY: Duration = Duration::from_secs(5);
/// How often what is too old is looked for, in turns of the above.
const EXPIRE_EVERY: u32 = 120;

/// All of it, attached to one relay.
pub struct Domain {
    store: Store,
    users: Arc<Users>,
    services: Arc<[Arc<dyn Service>]>,
    dashboard: Arc<Dashboard>,
    devices: Arc<Devices>,
    usage: Arc<Usage>,
}

impl Domain {
    /// Answers the relay's calls and keeps what is published from now on. [`Domain::run`] must be running beside it.
    pub fn attach(relay: &Relay, store: Store) -> Self {
        let users = Users::new(store.clone());
        let dashboard = Dashboard::attach(relay, store.clone());
        let usage = Usage::new(store.clone(), Arc::clone(&dashboard), relay.config().retention);
        let devices = Devices::new(store.clone(), Arc::clone(&dashboard), relay.config().devices.offline_after_ms);
        let services: Arc<[Arc<dyn Service>]> = Arc::new([
            Arc::clone(&users) as Arc<dyn Service>,
            Arc::new(answers::Answers),
            Arc::clone(&devices) as Arc<dyn Service>,
            Arc::clone(&usage) as Arc<dyn Service>,
            Arc::new(Patients::new(store.clone(), relay.downgrade())),
            Arc::new(Alerts::new(store.clone(), relay)),
            Arc::new(Notifications::new(store.clone(), relay.downgrade(), Arc::clone(&users), relay.config().retention)),
            Executions::attach(relay, store.clone()),
            Conversations::attach(relay, store.clone()),
        ]);
        for service in services.iter() {
            relay.add_methods(Arc::clone(service) as Arc<dyn Methods>);
        }
        let keeper = Keeping { store: store.clone(), services: Arc::clone(&services) };
        if !(relay.set_keeper(Arc::new(keeper)) && relay.set_seen(Arc::clone(&users) as Arc<dyn Seen>)) {
            fault!(critical, Internal, "this relay has a domain already: the second one keeps nothing");
        }
        Self { store, users, services, dashboard, devices, usage }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who was here.
    pub fn users(&self) -> &Arc<Users> {
        &self.users
    }

    /// Statistics and retention, until the shutdown.
    pub async fn run(self, relay: Relay, shutdown: CancellationToken) {
        let (devices, usage) = (Arc::clone(&self.devices), Arc::clone(&self.usage));
        let statistics = Arc::clone(&self.dashboard).run(relay.clone(), shutdown.clone());
        tokio::join!(statistics, devices.run(&relay, &shutdown), usage.run(&relay, &shutdown), self.keep_house(shutdown.clone()));
    }

    async fn keep_house(&self, shutdown: CancellationToken) {
        let mut turn: u32 = 0;
        loop {
            if turn.is_multiple_of(EXPIRE_EVERY) {
                service::expire(&self.store, &self.services).await;
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(KEEP_UP_EVERY)).await.is_none() {
                return self.users.keep_up().await;
            }
            self.users.keep_up().await;
            turn = turn.wrapping_add(1);
        }
    }
}
