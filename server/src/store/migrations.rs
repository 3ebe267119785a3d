//! The schema, as steps that each run once: a file says by its `user_version` which of them it has had.
//!
//! Why `rusqlite_migration` and not refinery: it keeps the version in the file's header, needs no table, no macro and no second
//! model of SQL, and follows rusqlite. A step that has been released is never changed: a new one is added behind it.
//!
//! Every table that a tenant's data stand in has `tenant` as the first column of its key and of each index it is looked up by; only
//! the retention's indexes, which go by age, have none.

use rusqlite_migration::{M, Migrations};

const STEPS: &[M<'static>] = &[
    M::up(include_str!("migrations/0001-foundation.sql")),
    M::up(include_str!("migrations/0002-notifications.sql")),
    M::up(include_str!("migrations/0003-alerts.sql")),
    M::up(include_str!("migrations/0004-devices-patients.sql")),
    M::up(include_str!("migrations/0005-executions.sql")),
    M::up(include_str!("migrations/0006-conversations.sql")),
    M::up(include_str!("migrations/0007-usage.sql")),
];

/// All steps, oldest first.
pub(super) const ALL: Migrations<'static> = Migrations::from_slice(STEPS);

/// The version that a file has once it had all of them.
pub(super) const fn count() -> i64 {
    STEPS.len() as i64
}
