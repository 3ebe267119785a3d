//! For how long what is stored is kept (`[retention]`).

/// Each kind of what is stored, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Notifications, read or not, since they were made.
    pub notifications_days: u64,
    /// Executions, since they last changed.
    pub executions_days: u64,
    /// Resolved conversations, since something last happened in them.
    pub conversations_days: u64,
    /// Alerts, resolved or not, since the relay took them.
    pub alerts_days: u64,
    /// Usage sessions, since they began.
    pub sessions_days: u64,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { notifications_days: 90, alerts_days: 365, sessions_days: 730, executions_days: 90, conversations_days: 365 }
    }
}

/// So many days in milliseconds.
pub fn days_ms(days: u64) -> i64 {
    i64::try_from(days.saturating_mul(86_400_000)).unwrap_or(i64::MAX)
}
