//! Channels: who holds them, where they stand, and what the relay has to be asked for (rows C3 and C5).
//!
//! A channel is wanted while somebody holds it, and a linger longer. On each new connection every wanted channel is asked for in
//! `connect` with its position; what does not fit there, and everything later, goes out as `subscribe`. The relay joins
//! `user:{sub}` and `tenant` by itself: those are kept, with their positions, without a holder.
//!
//! While polling stands in for the socket (row C10) the same channels are asked for with the same positions. Both ways are judged by
//! position alone, so it does not matter which answer comes first, and a switch needs no care of its own.
//!
//! Polling's questions and answers are in `polled.rs`.
//!
//! Traps: answers are matched by the command's id, because an answer to an older question may still be on its way. Events of a
//! channel that is not live are dropped: the answer that makes it live covers them.

mod polled;

use crate::channel::{Channel, Road};
use crate::channel_view::ChannelView;
use crate::input::SubscribeOptions;
use crate::position::{Asked, Restored, Verdict, judge};
use crate::table::Table;
use crate::time::Millis;
use pulsewire_protocol::{ErrorBody, ErrorCode, Position, Publication, Subscribe, SubscribeEntry, Subscribed};

/// Before a refused subscription is tried again, where the relay names no delay.
const RETRY_MS: u64 = 2_000;
/// What a hidden page can use of a device's telemetry.
const HIDDEN_HZ: u32 = 1;
/// How long a page stays hidden before it asks for less: a glance at another tab costs nothing.
const HIDDEN_AFTER_MS: u64 = 5_000;
/// Channels that the relay may join by itself.
const MAX_JOINED: usize = 8;
/// What one entry of `connect` costs beside its texts: keys, heads, numbers.
const ENTRY_OVERHEAD_BYTES: usize = 48;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// To be applied.
    Next,
    /// Seen before.
    Duplicate,
    /// The first sign of a hole: a recovery is under way.
    Gap,
    /// Dropped: a recovery under way covers it.
    Covered,
    /// Nobody asked for it.
    Stray,
}

/// All wanted channels.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: Table<Channel>,
    /// Let go of, and not yet told to the relay.
    leaving: Vec<String>,
    /// The next moment at which there is something to do.
    deadline: Option<Millis>,
    /// Nobody sees the page.
    hidden: bool,
}

impl Subscriptions {
    pub(crate) fn view(&self, name: &str) -> Option<ChannelView<'_>> {
        let channel = self.channels.at(name)?;
        let position = channel.position.as_ref();
        Some(ChannelView {
            phase: channel.phase(),
            epoch: position.map_or("", |position| &position.epoch),
            offset: position.map_or(0, |position| position.offset),
            error: channel.error.as_ref(),
        })
    }
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|(name, _)| name)
    }
    pub(crate) fn is_wanted(&self, name: &str) -> bool {
        self.channels.at(name).is_some()
    }
    /// Whether the relay has told where it stands.
    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.channels.at(name).is_some_and(|channel| channel.position.is_some())
    }
    /// Whether an answer is awaited before the channel is whole again.
    pub(crate) fn is_restoring(&self, name: &str) -> bool {
        self.channels.at(name).is_some_and(|channel| !(channel.live || channel.polled) || channel.mending)
    }
    /// Whether a message may go out to it.
    pub(crate) fn road(&self, name: &str) -> Road<'_> {
        match self.channels.at(name) {
            // What the relay refused to tell it may still take.
            None | Some(Channel { error: Some(_), .. }) => Road::Unheld,
            Some(channel) if channel.live || channel.polled => Road::Open(channel.position.as_ref().map_or("", |position| &position.epoch)),
            Some(_) => Road::Closed,
        }
    }
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.deadline
    }
    /// Looks for the next moment at which there is something to do.
    pub(crate) fn plan(&mut self, connected: bool) {
        let due = self.channels.iter().filter(|_| connected).filter_map(|(_, channel)| channel.due.filter(|_| channel.pending.is_none()));
        let lingers =
            self.channels.iter().filter_map(|(_, channel)| channel.lingers_until.filter(|_| connected || channel.pending.is_none()));
        self.deadline = due.chain(lingers).min();
        if connected && !self.leaving.is_empty() {
            self.deadline = Some(Millis(0));
        }
    }

    // What the page wants.

    pub(crate) fn handle_subscribe(&mut self, now: Millis, name: &str, options: SubscribeOptions) {
        let Some(channel) = self.channels.at_or_insert_with(name, || Channel { due: Some(now), options, ..Channel::default() }) else {
            return;
        };
        let is_first = channel.holders == 0;
        channel.holders = channel.holders.saturating_add(1);
        channel.lingers_until = None;
        if channel.error.take().is_some() {
            // A refused channel that is wanted anew.
            channel.due = Some(now);
        }
        let known = channel.live || channel.pending.is_some() || channel.poll_pending.is_some() || channel.position.is_some();
        if options.history > channel.options.history {
            channel.options.history = options.history;
            if known {
                channel.wants_backfill = true;
                channel.due = Some(channel.due.unwrap_or(now).min(now));
            }
        }
        // No holder may be starved by another one's lower rate.
        let rate = match (channel.options.max_hz, options.max_hz) {
            (Some(one), Some(other)) if !is_first => Some(one.max(other)),
            (_, other) if is_first => other,
            _ => None,
        };
        if rate != channel.options.max_hz {
            channel.options.max_hz = rate;
            channel.due = Some(now);
            channel.ask_again = channel.pending.is_some();
        }
    }

    /// The page was hidden or shown (row C17): devices are asked for at another rate, a while after it was hidden and at once when
    /// it is shown. Alerts, states and everything on other channels come as ever.
    pub(crate) fn handle_hidden(&mut self, now: Millis, hidden: bool) {
        self.hidden = hidden;
        let at = if hidden { now.plus(HIDDEN_AFTER_MS) } else { now };
        for (name, channel) in self.channels.values_mut() {
            if rate(name, channel, hidden) != channel.asked_hz && (channel.live || channel.pending.is_some()) {
                channel.due = Some(channel.due.unwrap_or(at).min(at));
                channel.ask_again |= channel.pending.is_some();
            } else if channel.live && !channel.mending && !channel.wants_backfill && !channel.ask_again && channel.error.is_none() {
                // Seen again before less was asked for.
                channel.due = None;
            }
        }
    }

    /// A position from a former life of the page.
    pub(crate) fn handle_resume(&mut self, name: &str, position: Position) {
        if let Some(channel) = self.channels.at_mut(name)
            && channel.position.is_none()
            && channel.pending.is_none()
            && channel.poll_pending.is_none()
            && !channel.live
            && !position.epoch.is_empty()
        {
            channel.position = Some(position);
            channel.resumed = true;
        }
    }

    /// Says whether the channel was held at all.
    pub(crate) fn handle_release(&mut self, now: Millis, name: &str, linger_ms: u64) -> bool {
        let Some(channel) = self.channels.at_mut(name).filter(|channel| channel.holders > 0) else { return false };
        channel.holders -= 1;
        if channel.holders == 0 && !channel.joined {
            channel.lingers_until = Some(now.plus(linger_ms));
        }
        true
    }

    /// Lets go of one channel whose linger is over. Not while `connect` asks for it: the welcome would subscribe a channel that
    /// nobody knows of any more, and the relay would count a viewer until the connection ends.
    pub(crate) fn poll_left(&mut self, now: Millis, connected: bool) -> Option<String> {
        let over = |channel: &Channel| channel.lingers_until.is_some_and(|until| until <= now) && (connected || channel.pending.is_none());
        let name = self.channels.iter().find(|(_, channel)| over(channel)).map(|(name, _)| name.to_owned())?;
        let channel = self.channels.remove(&name)?;
        if connected && (channel.live || channel.pending.is_some()) {
            self.leaving.push(name.clone());
            // There is room for one more now.
            for (_, other) in self.channels.values_mut() {
                if other.error.as_ref().is_some_and(|error| error.code == ErrorCode::TooManySubscriptions) {
                    other.error = None;
                    other.due = Some(now);
                }
            }
        }
        Some(name)
    }

    // What goes to the relay.

    /// The entries of `connect`, as many as fit; the relay's own channels first, because it answers for them in any case.
    pub(crate) fn connect_entries(&mut self, id: u64, room_bytes: usize, max_entries: usize) -> Vec<SubscribeEntry> {
        let mut entries = Vec::new();
        let mut room_bytes = room_bytes;
        for own_first in [true, false] {
            for (name, channel) in self.channels.values_mut() {
                if is_joined_by_relay(name) != own_first || (channel.joined && channel.holders == 0 && channel.position.is_none()) {
                    continue;
                }
                let epoch_bytes = channel.position.as_ref().map_or(0, |position| position.epoch.len());
                let cost = name.len() + epoch_bytes + ENTRY_OVERHEAD_BYTES;
                if cost > room_bytes || entries.len() >= max_entries {
                    continue;
                }
                room_bytes -= cost;
                let max_hz = rate(name, channel, self.hidden);
                let (recover, history) = channel.ask(id, max_hz);
                entries.push(SubscribeEntry { channel: name.to_owned(), recover, history, max_hz });
            }
        }
        entries
    }
    /// The next channel to unsubscribe from.
    pub(crate) fn poll_unsubscribe(&mut self) -> Option<String> {
        self.leaving.pop()
    }
    /// The next channel that is to be asked for.
    pub(crate) fn next_due(&self, now: Millis) -> Option<&str> {
        let is_due = |channel: &Channel| channel.pending.is_none() && channel.due.is_some_and(|due| due <= now);
        self.channels.iter().find(|(_, channel)| is_due(channel)).map(|(name, _)| name)
    }
    /// The command for it.
    pub(crate) fn subscribe(&mut self, id: u64, name: &str) -> Option<Subscribe> {
        let channel = self.channels.at_mut(name)?;
        let max_hz = rate(name, channel, self.hidden);
        let (recover, history) = channel.ask(id, max_hz);
        Some(Subscribe { id, channel: name.to_owned(), recover, history, max_hz })
    }

    // What the relay says.

    /// A channel that nobody asked for, if it is one of the user's own.
    fn join(&mut self, name: &str) -> Option<&mut Channel> {
        let joined = self.channels.iter().filter(|(_, channel)| channel.joined).count();
        if !is_joined_by_relay(name) || joined >= MAX_JOINED {
            return None;
        }
        self.channels.at_or_insert_with(name, Channel::default)
    }

    /// An answer, or the relay's own joining. `None`: nobody wants it, or it answers a question that is out of date.
    pub(crate) fn handle_subscribed(&mut self, now: Millis, id: u64, answer: &mut Subscribed) -> Option<Restored> {
        if !self.is_wanted(&answer.channel) {
            self.join(&answer.channel)?;
        }
        let channel = self.channels.at_mut(&answer.channel)?;
        channel.joined |= is_joined_by_relay(&answer.channel);
        let asked = match channel.pending {
            Some((pending, asked)) if pending == id => {
                channel.pending = None;
                channel.as_of_now(asked)
            }
            // The answer to what was asked later is still to come, and will be about the whole.
            Some(_) => return None,
            None if channel.position.is_none() => Asked::Fresh,
            None => {
                // Not asked for, and it cannot tell what was missed: ask.
                channel.live = true;
                channel.mend(now);
                return None;
            }
        };
        let restored = channel.restore(asked, answer);
        channel.live = true;
        // A backfill does not mend; whatever else is answered does.
        if asked != Asked::Backfill {
            channel.mending = false;
            channel.due = None;
        }
        channel.error = None;
        if restored.hole && !channel.mending {
            channel.mend(now);
        }
        if channel.wants_backfill || channel.ask_again {
            channel.due = Some(channel.due.unwrap_or(now));
        }
        Some(restored)
    }

    /// A question was refused. Says whether that is final (and worth telling).
    pub(crate) fn handle_refused(&mut self, now: Millis, name: &str, id: u64, error: ErrorBody) -> bool {
        if self.channels.at_mut(name).is_none() && error.retryable {
            // The relay could not join by itself what nobody here has asked for: without it no alert would come.
            self.join(name);
        }
        let Some(channel) = self.channels.at_mut(name) else { return false };
        let Some((pending, asked)) = channel.pending else {
            if error.retryable && is_joined_by_relay(name) && !channel.live {
                channel.joined = true;
                channel.due = Some(now.plus(error.retry_after_ms.unwrap_or(RETRY_MS)));
            }
            return false;
        };
        if pending != id {
            return false;
        }
        channel.pending = None;
        // No rate at all: whatever is wanted is still to be asked for.
        channel.asked_hz = Some(0);
        if error.retryable {
            channel.wants_backfill |= asked == Asked::Backfill;
            channel.due = Some(now.plus(error.retry_after_ms.unwrap_or(RETRY_MS)));
            return false;
        }
        channel.due = None;
        if asked == Asked::Backfill && channel.live {
            // What is live stays live; it only is not filled.
            return true;
        }
        self.refuse(name, error);
        true
    }
    /// The relay ended a subscription by itself. Says whether it was wanted.
    pub(crate) fn handle_unsubscribed(&mut self, name: &str, error: ErrorBody) -> bool {
        let wanted = self.is_wanted(name);
        self.refuse(name, error);
        wanted
    }
    fn refuse(&mut self, name: &str, error: ErrorBody) {
        if let Some(channel) = self.channels.at_mut(name) {
            channel.live = false;
            channel.mending = false;
            channel.pending = None;
            channel.due = None;
            channel.error = Some(error);
            if channel.joined && channel.holders == 0 {
                self.channels.remove(name);
            }
        }
    }
    /// An answer came and could not be read: the channel starts over, asking for as little as possible. Says whether
    /// something is lost by that.
    pub(crate) fn handle_unreadable_answer(&mut self, now: Millis, name: &str, id: u64) -> bool {
        let Some(channel) = self.channels.at_mut(name).filter(|channel| channel.pending.is_some_and(|(pending, _)| pending == id)) else {
            return false;
        };
        channel.pending = None;
        channel.mending = false;
        channel.due = Some(if channel.bare { now.plus(RETRY_MS) } else { now });
        channel.bare = true;
        channel.position.take().is_some()
    }
    /// `welcome` could not be read: every channel starts over. Gives those of which something is lost.
    pub(crate) fn handle_unreadable_welcome(&mut self) -> Vec<String> {
        let mut lost = Vec::new();
        for (name, channel) in self.channels.values_mut() {
            channel.bare = true;
            if channel.position.take().is_some() {
                lost.push(name.to_owned());
            }
        }
        lost
    }
    /// What `connect` asked for and `welcome` did not answer is asked for again.
    pub(crate) fn handle_welcomed(&mut self, now: Millis, id: u64) {
        // The polls asked for the user's own channels; the relay has not joined what the token does not allow.
        let is_kept = |channel: &Channel| {
            channel.holders > 0 || channel.live || !channel.joined || channel.position.is_some() || channel.due.is_some()
        };
        self.channels.retain(is_kept);
        for (_, channel) in self.channels.values_mut() {
            if channel.pending.is_some_and(|(pending, _)| pending == id) {
                channel.pending = None;
                channel.due = Some(now);
            }
        }
    }
    /// A command got no answer in time: it is asked again.
    pub(crate) fn handle_unanswered(&mut self, now: Millis, name: &str, id: u64) {
        if let Some(channel) = self.channels.at_mut(name).filter(|channel| channel.pending.is_some_and(|(pending, _)| pending == id)) {
            channel.pending = None;
            channel.due = Some(now);
        }
    }

    /// An event of a channel: says what to do with it, and moves the position.
    pub(crate) fn handle_event(&mut self, now: Millis, name: &str, publication: &Publication) -> Arrival {
        let Some(channel) = self.channels.at_mut(name).filter(|channel| channel.live) else { return Arrival::Stray };
        let Some(position) = &mut channel.position else { return Arrival::Next };
        if publication.offset.is_none() {
            return Arrival::Next;
        }
        if channel.mending {
            return Arrival::Covered;
        }
        match judge(position.offset, publication) {
            Verdict::Duplicate => Arrival::Duplicate,
            Verdict::Apply => {
                position.offset = publication.offset.unwrap_or(position.offset);
                Arrival::Next
            }
            Verdict::Gap => {
                channel.mend(now);
                Arrival::Gap
            }
        }
    }
    /// Something of unknown channels was lost: every live channel with a history is looked after.
    pub(crate) fn handle_suspicion(&mut self, now: Millis) {
        for (_, channel) in self.channels.values_mut() {
            if channel.live && channel.position.is_some() && !channel.mending {
                channel.mend(now);
            }
        }
    }
    /// The connection is gone: nothing is live, everything is due.
    pub(crate) fn handle_lost(&mut self, now: Millis, polling: bool) {
        self.leaving.clear();
        for (_, channel) in self.channels.values_mut() {
            channel.lose_connection(now, polling);
        }
    }
    /// Another user: positions and the relay's own channels of the former one are worth nothing.
    pub(crate) fn forget_positions(&mut self) {
        self.channels.retain(|channel| channel.holders > 0 || !channel.joined);
        for (_, channel) in self.channels.values_mut() {
            channel.position = None;
        }
    }
}

/// The rate to ask for. Only telemetry is worth less where nobody sees it.
fn rate(name: &str, channel: &Channel, hidden: bool) -> Option<u32> {
    let wish = channel.options.max_hz.filter(|hz| *hz > 0);
    if hidden && name.starts_with("device:") { Some(wish.map_or(HIDDEN_HZ, |hz| hz.min(HIDDEN_HZ))) } else { wish }
}

/// The kinds that a relay joins without being asked.
fn is_joined_by_relay(name: &str) -> bool {
    name == "tenant" || name.starts_with("user:")
}
