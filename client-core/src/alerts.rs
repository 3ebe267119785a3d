//! The slice `alerts`: each alert once, newest first, with read marks.
//!
//! An alert comes by its patient's channel and by the tenant's, live and in replays: its `id` decides. A read mark may come
//! before its alert (channels recover one after the other), so marks without an alert are kept for a while.
//!
//! The list is bounded. What is read goes first, then the least grave, then the oldest: a flood of light alerts never pushes out
//! a grave one that nobody has read, and a device whose clock is behind is heard all the same.

use pulsewire_protocol::{Alert, RawJson, Severity};

/// Read marks kept for alerts that have not come yet.
const MAX_EARLY_READS: usize = 1_000;

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertItem {
    /// Its id.
    pub id: String,
    /// The patient.
    pub patient_id: String,
    /// The patient's name.
    pub patient_name: String,
    /// The device it came from.
    pub device_id: Option<String>,
    /// What kind of alert.
    pub alert_type: String,
    /// How grave.
    pub severity: Severity,
    /// A sentence for people.
    pub message: String,
    /// When it arose (Unix milliseconds).
    pub ts: f64,
    /// Whether this user has read it.
    pub read: bool,
    /// Anything else, as JSON.
    pub metadata: Option<RawJson>,
}

/// The alerts of the page.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    /// Oldest first: a new one is pushed at the end.
    items: Vec<AlertItem>,
    unread: usize,
    early_reads: Vec<String>,
}

impl Alerts {
    /// Every alert, newest first.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &AlertItem> {
        self.items.iter().rev()
    }
    /// How many are not read.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Takes an alert under this id; says whether it was new.
    pub(crate) fn handle_alert(&mut self, id: &str, alert: &Alert, relay_ts: f64, max_alerts: usize) -> bool {
        if self.items.iter().rev().any(|item| item.id == id) {
            return false;
        }
        let early = self.early_reads.iter().position(|early| early == id);
        let read = early.is_some();
        let mut victim = None;
        if self.items.len() >= max_alerts.max(1) {
            // Of equals the newcomer stays: its time may be that of a clock which is behind.
            let mut worst = (read, alert.severity);
            for (index, item) in self.items.iter().enumerate() {
                let rank = (item.read, item.severity);
                if rank > worst || (rank == worst && victim.is_none()) {
                    worst = rank;
                    victim = Some(index);
                }
            }
            if victim.is_none() {
                return false;
            }
        }
        if let Some(at) = early {
            self.early_reads.remove(at);
        }
        if let Some(at) = victim {
            let gone = self.items.remove(at);
            if gone.read {
                // It may come once more by another channel, and is no news then.
                self.keep_read_mark(&gone.id);
            } else {
                self.unread -= 1;
            }
        }
        let ts = alert.ts.map_or(relay_ts, |ts| ts.0);
        let index = self.items.partition_point(|item| item.ts <= ts);
        self.items.insert(
            index,
            AlertItem {
                id: id.to_owned(),
                patient_id: alert.patient_id.clone(),
                patient_name: alert.patient_name.clone(),
                device_id: alert.device_id.clone(),
                alert_type: alert.alert_type.clone(),
                severity: alert.severity,
                message: alert.message.clone(),
                ts,
                read,
                metadata: alert.metadata.clone(),
            },
        );
        self.unread += usize::from(!read);
        true
    }

    /// Takes read marks of this user; says whether anything changed.
    pub(crate) fn handle_read(&mut self, ids: &[String]) -> bool {
        let mut changed = false;
        for id in ids {
            match self.items.iter_mut().rev().find(|item| item.id == *id) {
                Some(item) if item.read => {}
                Some(item) => {
                    item.read = true;
                    self.unread -= 1;
                    changed = true;
                }
                None if self.early_reads.contains(id) => {}
                None => self.keep_read_mark(id),
            }
        }
        changed
    }

    fn keep_read_mark(&mut self, id: &str) {
        if self.early_reads.len() >= MAX_EARLY_READS {
            self.early_reads.remove(0);
        }
        self.early_reads.push(id.to_owned());
    }

    /// Marks every alert as read; says whether anything changed.
    pub(crate) fn handle_all_read(&mut self) -> bool {
        let changed = self.unread > 0;
        for item in &mut self.items {
            item.read = true;
        }
        self.unread = 0;
        changed
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::UnixMs;

    fn take(alerts: &mut Alerts, alert: &Alert, relay_ts: f64, max_alerts: usize) -> bool {
        alerts.handle_alert(alert.id.as_deref().unwrap(), alert, relay_ts, max_alerts)
    }

    fn alert(id: &str, ts: f64) -> Alert {
        Alert {
            id: Some(id.to_owned()),
            patient_id: "p".to_owned(),
            patient_name: "P".to_owned(),
            device_id: None,
            alert_type: "t".to_owned(),
            severity: Severity::High,
            message: "m".to_owned(),
            ts: Some(UnixMs(ts)),
            metadata: None,
        }
    }
    fn ids(alerts: &Alerts) -> Vec<&str> {
        alerts.items().map(|item| item.id.as_str()).collect()
    }

    #[test]
    fn the_same_alert_by_two_channels_counts_once_and_the_newest_comes_first() {
        let mut alerts = Alerts::default();
        assert!(take(&mut alerts, &alert("a", 1.0), 0.0, 10));
        assert!(take(&mut alerts, &alert("c", 3.0), 0.0, 10));
        assert!(!take(&mut alerts, &alert("a", 1.0), 0.0, 10));
        assert!(take(&mut alerts, &alert("b", 2.0), 0.0, 10));
        assert_eq!(ids(&alerts), ["c", "b", "a"]);
        assert_eq!(alerts.unread(), 3);
    }

    fn grave(id: &str, severity: Severity, ts: f64) -> Alert {
        Alert { severity, ..alert(id, ts) }
    }

    #[test]
    fn a_full_list_lets_the_oldest_of_equals_go_and_takes_one_whose_clock_is_behind() {
        let mut alerts = Alerts::default();
        for (id, ts) in [("b", 2.0), ("c", 3.0), ("d", 4.0)] {
            assert!(take(&mut alerts, &alert(id, ts), 0.0, 2));
        }
        assert_eq!(ids(&alerts), ["d", "c"]);
        assert!(take(&mut alerts, &alert("behind", 1.0), 0.0, 2));
        assert_eq!(ids(&alerts), ["d", "behind"]);
        assert_eq!(alerts.unread(), 2);
    }

    #[test]
    fn a_flood_of_light_alerts_pushes_out_no_grave_one_that_nobody_has_read() {
        let mut alerts = Alerts::default();
        take(&mut alerts, &grave("critical", Severity::Critical, 1.0), 0.0, 3);
        for at in 2..50 {
            take(&mut alerts, &grave(&at.to_string(), Severity::Low, f64::from(at)), 0.0, 3);
        }
        assert_eq!(ids(&alerts), ["49", "48", "critical"]);
        assert!(take(&mut alerts, &grave("behind", Severity::Critical, 0.0), 0.0, 3));
        assert_eq!(ids(&alerts), ["49", "critical", "behind"]);
        assert!(take(&mut alerts, &grave("third", Severity::Critical, 60.0), 0.0, 3));
        assert!(!take(&mut alerts, &grave("light", Severity::High, 70.0), 0.0, 3), "each one that is there is graver");
        assert_eq!(ids(&alerts), ["third", "critical", "behind"]);
        assert_eq!(alerts.unread(), 3);
    }

    #[test]
    fn what_is_read_goes_first_and_is_no_news_where_it_comes_once_more() {
        let mut alerts = Alerts::default();
        take(&mut alerts, &grave("read", Severity::Critical, 5.0), 0.0, 2);
        take(&mut alerts, &grave("low", Severity::Low, 1.0), 0.0, 2);
        alerts.handle_read(&["read".to_owned()]);
        assert!(take(&mut alerts, &grave("new", Severity::Low, 2.0), 0.0, 2));
        assert_eq!(ids(&alerts), ["new", "low"]);
        assert!(!take(&mut alerts, &grave("read", Severity::Critical, 5.0), 0.0, 2));
        assert_eq!((ids(&alerts), alerts.unread()), (vec!["new", "low"], 2));
    }

    #[test]
    fn a_read_mark_counts_even_if_it_comes_before_its_alert() {
        let mut alerts = Alerts::default();
        take(&mut alerts, &alert("a", 1.0), 0.0, 10);
        assert!(alerts.handle_read(&["a".to_owned(), "later".to_owned()]));
        assert!(!alerts.handle_read(&["a".to_owned()]));
        take(&mut alerts, &alert("later", 2.0), 0.0, 10);
        assert_eq!(alerts.unread(), 0);
        take(&mut alerts, &alert("new", 3.0), 0.0, 10);
        assert!(alerts.handle_all_read());
        assert!(!alerts.handle_all_read());
        assert_eq!(alerts.unread(), 0);
    }
}
