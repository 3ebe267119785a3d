//! One wanted channel: what it waits for, what to ask for next, and what a lost connection leaves of it.

use crate::channel_view::ChannelPhase;
use crate::input::SubscribeOptions;
use crate::position::{Asked, Restored, restore};
use crate::time::Millis;
use pulsewire_protocol::{ErrorBody, Position, Subscribed};

/// Between two recoveries of one live channel because of holes.
const MIN_GAP_INTERVAL_MS: u64 = 1_000;

/// Whether a message may go out to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road<'a> {
    /// Not before the answer that restores it.
    Closed,
    /// Nobody here holds it, so nothing is known of its history.
    Unheld,
    /// Yes, in this epoch; empty where it has no history.
    Open(&'a str),
}

/// One wanted channel.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub(crate) holders: u32,
    /// The relay joined it by itself.
    pub(crate) joined: bool,
    pub(crate) options: SubscribeOptions,
    /// The rate that was asked for last.
    pub(crate) asked_hz: Option<u32>,
    pub(crate) position: Option<Position>,
    /// The position is from a former life of the page: what that had shown, this one has not.
    pub(crate) resumed: bool,
    /// Events are applied.
    pub(crate) live: bool,
    /// A hole was seen: events are dropped until the recovery is answered.
    pub(crate) mending: bool,
    /// The command that was sent and is not answered.
    pub(crate) pending: Option<(u64, Asked)>,
    /// The poll that was made and is not answered.
    pub(crate) poll_pending: Option<(u32, Asked)>,
    /// A poll has answered for it since polling began.
    pub(crate) polled: bool,
    /// When to send the next one.
    pub(crate) due: Option<Millis>,
    /// What is wanted changed while a command was under way.
    pub(crate) ask_again: bool,
    /// A holder wants older publications than were asked for at first.
    pub(crate) wants_backfill: bool,
    /// The last answer could not be read: ask for nothing that could be in the way.
    pub(crate) bare: bool,
    pub(crate) error: Option<ErrorBody>,
    pub(crate) gap_seen_at: Option<Millis>,
    pub(crate) lingers_until: Option<Millis>,
}

impl Channel {
    /// What to ask for now: a live channel that misses nothing may want to be filled backwards.
    fn next_question(&self) -> Asked {
        if self.live && self.wants_backfill && !self.mending {
            Asked::Backfill
        } else if self.position.is_some() {
            Asked::Recovery
        } else {
            Asked::Fresh
        }
    }
    pub(crate) fn ask(&mut self, id: u64, max_hz: Option<u32>) -> (Option<Position>, Option<u32>) {
        let asked = self.next_question();
        self.asked_hz = max_hz;
        self.pending = Some((id, asked));
        self.due = None;
        self.ask_again = false;
        self.question(asked)
    }
    pub(crate) fn ask_by_poll(&mut self, poll: u32) -> (Option<Position>, Option<u32>) {
        let asked = match self.next_question() {
            Asked::Recovery if self.polled && self.wants_backfill => Asked::Backfill,
            asked => asked,
        };
        self.poll_pending = Some((poll, asked));
        self.question(asked)
    }
    fn question(&mut self, asked: Asked) -> (Option<Position>, Option<u32>) {
        let recover = if asked == Asked::Recovery { self.position.clone() } else { None };
        if asked != Asked::Recovery {
            self.wants_backfill = false;
        }
        (recover, self.options.history.filter(|_| !self.bare))
    }
    pub(crate) fn lose_connection(&mut self, now: Millis, polling: bool) {
        if let Some((_, Asked::Backfill)) = self.pending {
            self.wants_backfill = true;
        }
        self.live = false;
        self.mending = false;
        self.pending = None;
        // What the polls were refused stays refused: a try of the socket that failed says nothing of it.
        if !polling {
            self.error = None;
        }
        self.due = Some(now);
    }
    /// What was asked, in the light of what came by the other way meanwhile: a channel of which nothing was known then may
    /// have a position by now, and the answer must not jump over what lies between.
    pub(crate) fn as_of_now(&self, asked: Asked) -> Asked {
        if asked == Asked::Fresh && self.position.is_some() { Asked::Backfill } else { asked }
    }
    /// Reads an answer against what is known, and stands where it leads.
    pub(crate) fn restore(&mut self, asked: Asked, answer: &mut Subscribed) -> Restored {
        let restated = if std::mem::take(&mut self.resumed) { answer.state.clone() } else { Vec::new() };
        let mut restored = restore(self.position.as_ref(), asked, answer);
        restored.restated = restated;
        self.position.clone_from(&restored.position);
        self.bare = false;
        restored
    }
    /// Asks again, from the position, but not too often.
    pub(crate) fn mend(&mut self, now: Millis) {
        let earliest = self.gap_seen_at.map_or(now, |at| at.plus(MIN_GAP_INTERVAL_MS)).max(now);
        self.gap_seen_at = Some(earliest);
        self.mending = true;
        self.due = Some(earliest);
    }
    pub(crate) fn phase(&self) -> ChannelPhase {
        if self.live || self.polled {
            ChannelPhase::Subscribed
        } else if self.error.is_some() {
            ChannelPhase::Refused
        } else {
            ChannelPhase::Waiting
        }
    }
}
