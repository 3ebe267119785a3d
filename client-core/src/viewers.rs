//! The slice `viewers`: who looks at each held channel.
//!
//! A count goes with its channel. While the connection is away the last count stays, so that blips do not flash.

use crate::table::Table;
use pulsewire_protocol::{MAX_VIEWER_NAMES, ViewerCount};

/// Counts and names by channel.
#[derive(Clone, Debug, Default)]
pub struct Viewers {
    counts: Table<ViewerCount>,
}

impl Viewers {
    /// Every count, in the order of the channels' names.
    pub fn counts(&self) -> &Table<ViewerCount> {
        &self.counts
    }
    /// Takes a count; says whether anything changed.
    pub(crate) fn handle_count(&mut self, channel: &str, mut viewers: ViewerCount) -> bool {
        viewers.names.truncate(MAX_VIEWER_NAMES);
        match self.counts.at_mut(channel) {
            Some(known) if *known == viewers => return false,
            Some(known) => *known = viewers,
            None => {
                self.counts.at_or_insert_with(channel, || viewers);
            }
        }
        true
    }
    /// Forgets a channel; says whether it was known.
    pub(crate) fn forget(&mut self, channel: &str) -> bool {
        self.counts.remove(channel).is_some()
    }
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_twenty_names_are_kept_and_equal_counts_are_no_change() {
        let viewers = ViewerCount { count: 30, names: (0..30).map(|n| n.to_string()).collect() };
        let mut slice = Viewers::default();
        assert!(slice.handle_count("patient:1", viewers.clone()));
        assert!(!slice.handle_count("patient:1", viewers));
        assert_eq!(slice.counts().at("patient:1").unwrap().names.len(), 20);
        assert!(slice.forget("patient:1"));
    }
}
