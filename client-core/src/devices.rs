//! The slice `devices`: the newest status of every device that a held channel told of.
//!
//! A status goes when its channel does: what nobody is told of any more would only grow old.

use crate::table::Table;
use pulsewire_protocol::DeviceStatus;

/// Statuses by device.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    statuses: Table<DeviceStatus>,
    refused: u64,
}

impl Devices {
    /// Every status, in the order of the devices' names.
    pub fn statuses(&self) -> &Table<DeviceStatus> {
        &self.statuses
    }
    /// How many devices were not stored because there were too many.
    pub fn refused(&self) -> u64 {
        self.refused
    }
    /// Takes a status; says whether anything changed.
    pub(crate) fn handle_status(&mut self, status: &DeviceStatus, max_devices: usize) -> bool {
        let full = self.statuses.len() >= max_devices;
        match self.statuses.at_mut(&status.device_id) {
            Some(known) if known == status => return false,
            Some(known) => *known = status.clone(),
            None if full => {
                self.refused += 1;
                return false;
            }
            None => {
                self.statuses.at_or_insert_with(&status.device_id, || status.clone());
            }
        }
        true
    }
    /// Forgets a device; says whether it was known.
    pub(crate) fn forget(&mut self, device: &str) -> bool {
        self.statuses.remove(device).is_some()
    }
    pub(crate) fn clear(&mut self) {
        self.statuses.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::DeviceState;

    fn status(device: &str, status: DeviceState) -> DeviceStatus {
        DeviceStatus { device_id: device.to_owned(), status, battery: None, last_seen: None }
    }

    #[test]
    fn the_newest_status_of_a_device_counts_and_a_repetition_is_no_change() {
        let mut devices = Devices::default();
        assert!(devices.handle_status(&status("a", DeviceState::Online), 10));
        assert!(!devices.handle_status(&status("a", DeviceState::Online), 10));
        assert!(devices.handle_status(&status("a", DeviceState::Offline), 10));
        assert_eq!(devices.statuses().at("a").unwrap().status, DeviceState::Offline);
    }

    #[test]
    fn more_devices_than_allowed_are_counted_and_not_stored_while_known_ones_go_on() {
        let mut devices = Devices::default();
        devices.handle_status(&status("a", DeviceState::Online), 1);
        assert!(!devices.handle_status(&status("b", DeviceState::Online), 1));
        assert!(devices.handle_status(&status("a", DeviceState::Offline), 1));
        assert_eq!((devices.statuses().len(), devices.refused()), (1, 1));
    }
}
