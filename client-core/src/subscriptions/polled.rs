//! What polls ask and are answered about channels (row C10).
//!
//! The same channels and positions as over the socket: `restore` judges both alike.

use super::{Subscriptions, is_joined_by_relay};
use crate::channel::Channel;
use crate::position::{Asked, Restored};
use pulsewire_protocol::{ErrorBody, ErrorCode, SubscribeEntry, Subscribed};

impl Subscriptions {
    /// The entries of a poll: the user's own channels first, because nobody joins them here.
    pub(crate) fn poll_entries(&mut self, poll: u32, own: &[&str], max_entries: usize) -> Vec<SubscribeEntry> {
        let unasked = own.iter().filter(|name| !self.is_wanted(name)).map(|name| SubscribeEntry::new(*name));
        let mut entries: Vec<SubscribeEntry> = unasked.collect();
        for own_first in [true, false] {
            for (name, channel) in self.channels.values_mut() {
                if is_joined_by_relay(name) != own_first || channel.error.is_some() {
                    continue;
                }
                if entries.len() >= max_entries {
                    let message = "more channels than the relay answers for in one poll".to_owned();
                    let code = ErrorCode::TooManySubscriptions;
                    channel.error = Some(ErrorBody { code, message, retryable: false, retry_after_ms: None });
                    continue;
                }
                let (recover, history) = channel.ask_by_poll(poll);
                entries.push(SubscribeEntry { channel: name.to_owned(), recover, history, max_hz: None });
            }
        }
        entries
    }
    /// Whether something is wanted that the poll under way does not ask for.
    pub(crate) fn wants_poll(&self) -> bool {
        let is_left_out =
            |channel: &Channel| channel.error.is_none() && channel.poll_pending.is_none() && (!channel.polled || channel.wants_backfill);
        self.channels.iter().any(|(_, channel)| is_left_out(channel))
    }

    /// An answer to a poll. `None`: it is not the one that is awaited.
    pub(crate) fn handle_polled(&mut self, poll: u32, answer: &mut Subscribed) -> Option<Restored> {
        if !self.is_wanted(&answer.channel) {
            let asked = Some((poll, Asked::Fresh));
            self.join(&answer.channel)?.poll_pending = asked;
        }
        let channel = self.channels.at_mut(&answer.channel)?;
        channel.joined |= is_joined_by_relay(&answer.channel);
        let (_, asked) = channel.poll_pending.take_if(|(pending, _)| *pending == poll)?;
        channel.polled = true;
        Some(channel.restore(channel.as_of_now(asked), answer))
    }
    /// A poll was refused for one channel. Says whether that is worth telling: the user's own channels were nobody's wish.
    pub(crate) fn handle_poll_refused(&mut self, poll: u32, name: &str, error: ErrorBody) -> bool {
        let Some(channel) = self.channels.at_mut(name) else { return false };
        if channel.poll_pending.take_if(|(pending, _)| *pending == poll).is_none() {
            return false;
        }
        channel.polled = false;
        channel.error = Some(error);
        channel.holders > 0
    }
    /// The poll under way will not be answered.
    pub(crate) fn handle_poll_lost(&mut self) {
        for (_, channel) in self.channels.values_mut() {
            if let Some((_, Asked::Backfill)) = channel.poll_pending.take() {
                channel.wants_backfill = true;
            }
        }
    }
    /// What the polls told is no longer known to hold: polling is over, or the relay may be another one.
    pub(crate) fn handle_polls_ended(&mut self) {
        self.handle_poll_lost();
        for (_, channel) in self.channels.values_mut() {
            channel.polled = false;
        }
    }
}
