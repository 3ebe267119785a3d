//! The slice `dashboard`: the newest statistics of the tenant.

use pulsewire_protocol::DashboardStats;

/// The counters, once any came.
#[derive(Clone, Debug, Default)]
pub struct Dashboard {
    stats: Option<DashboardStats>,
}

impl Dashboard {
    /// The newest statistics.
    pub fn stats(&self) -> Option<&DashboardStats> {
        self.stats.as_ref()
    }
    /// Takes new statistics; says whether anything changed.
    pub(crate) fn handle_stats(&mut self, stats: &DashboardStats) -> bool {
        let changed = self.stats.as_ref() != Some(stats);
        if changed {
            self.stats = Some(stats.clone());
        }
        changed
    }
    /// Forgets them; says whether there were any.
    pub(crate) fn clear(&mut self) -> bool {
        self.stats.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_statistics_are_no_change() {
        let stats = DashboardStats { devices: 1, online: 1, active_alerts: 0, active_sessions: 0, average_compliance: 0.5, viewers: 2 };
        let mut dashboard = Dashboard::default();
        assert!(dashboard.handle_stats(&stats));
        assert!(!dashboard.handle_stats(&stats));
        assert!(dashboard.clear());
        assert!(!dashboard.clear());
    }
}
