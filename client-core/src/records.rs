//! What is kept of people and jobs: seven lists of one kind of record, so that one set of operations serves them all.
//!
//! Why one kind: a type, a list and a view for each of them cost every page 8 kB (measured), this a third. What a record holds
//! in which list stands at [`Kept`]; data stay the CBOR they came as, which the page reads by one table and one walk.
//!
//! Limits: [`MAX_RECORDS`] per list; beyond it the oldest goes. Looking one up is a walk from the newest, which is what is asked
//! for most.

use crate::output::Slices;

/// Records kept in one list.
pub(crate) const MAX_RECORDS: usize = 5_000;

/// The lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// `id`, `ts`, `cbor` (a `Notification`); `mark` is 1 where it was read.
    Notifications,
    /// Who is online: `id` is the user, `name` the name to show.
    Presence,
    /// Who writes: `scope` is the conversation, `id` the user, `name` the name to show, `ts` when it counts no longer (monotonic).
    Typing,
    /// `id`, `ts`, `cbor` (an `ExecutionUpdate`).
    Executions,
    /// What was said of conversations (`scope`): `id` is the member's name, `name` its value as JSON text.
    Conversations,
    /// What was said of patients (`scope`), likewise.
    Patients,
    /// Messages of conversations (`scope`): `id`, `name` (the id its sender gave it), `ts`, `cbor` (a `ConversationMessage`);
    /// `mark` is the `DeliveryStatus` number that it reached, 0 for none.
    Messages,
}

impl Kept {
    /// How many lists there are.
    pub(crate) const COUNT: usize = 7;
    /// Every list.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Notifications, Self::Presence, Self::Typing, Self::Executions, Self::Conversations, Self::Patients, Self::Messages];
    /// The list behind a slice.
    pub fn of(slice: Slices) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.slice() == slice)
    }
    /// The slice of the state.
    pub const fn slice(self) -> Slices {
        Slices(Slices::NOTIFICATIONS.0 << self as u32)
    }
}

/// One record; [`Kept`] says what its fields mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What it belongs to; empty where ids stand alone.
    pub scope: String,
    /// Its id, one of a kind in its scope.
    pub id: String,
    /// Another name, or a value.
    pub name: String,
    /// When it arose (Unix milliseconds by the relay's clock).
    pub ts: f64,
    /// What became of it since.
    pub mark: u8,
    /// The event's data, for [`walk`](pulsewire_protocol::cbor::walk).
    pub cbor: Vec<u8>,
}

/// A list, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records(pub(crate) Vec<Record>);

/// One list of each name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    lists: [Records; Kept::COUNT],
    /// Never used: there are as many lists as names.
    none: Records,
}

impl Lists {
    pub(crate) fn list(&self, list: Kept) -> &Records {
        self.lists.get(list as usize).unwrap_or(&self.none)
    }
    pub(crate) fn list_mut(&mut self, list: Kept) -> &mut Records {
        self.lists.get_mut(list as usize).unwrap_or(&mut self.none)
    }
}

impl Records {
    /// Every record, oldest first.
    pub fn iter(&self) -> core::slice::Iter<'_, Record> {
        self.0.iter()
    }
    #[inline(never)]
    pub(crate) fn find(&mut self, scope: &str, id: &str) -> Option<&mut Record> {
        self.0.iter_mut().rev().find(|item| item.id == id && item.scope == scope)
    }
    /// Takes a record over the one of that id, or in its place by time; says whether anything but its time changed. An older
    /// one (two channels tell the same, and recover one after the other) does not undo a newer one.
    pub(crate) fn put(&mut self, scope: &str, id: &str, name: &str, ts: f64, cbor: Vec<u8>) -> bool {
        if let Some(known) = self.find(scope, id) {
            let is_newer = known.ts <= ts;
            let changed = is_newer && (known.name != name || known.cbor != cbor);
            if is_newer {
                known.ts = ts;
            }
            if changed {
                name.clone_into(&mut known.name);
                known.cbor = cbor;
            }
            return changed;
        }
        let mut index = self.0.iter().rposition(|item| item.ts <= ts).map_or(0, |index| index + 1);
        if self.0.len() >= MAX_RECORDS {
            if index == 0 {
                return false;
            }
            self.0.remove(0);
            index -= 1;
        }
        self.0.insert(index, Record { scope: scope.to_owned(), id: id.to_owned(), name: name.to_owned(), ts, mark: 0, cbor });
        true
    }
    /// A message is known by its id, or by the name that its sender gave it while it had no id, so that a page which shows its
    /// own message at once finds it again: gives its record the id, and says id and time of it. One keeps its place when it
    /// changes.
    pub(crate) fn rename<'a>(&mut self, scope: &str, id: &'a str, name: &'a str, ts: f64) -> (&'a str, f64) {
        let id = if id.is_empty() { name } else { id };
        let known = if self.find(scope, id).is_none() && !name.is_empty() { name } else { id };
        match self.find(scope, known) {
            Some(record) => {
                id.clone_into(&mut record.id);
                (id, record.ts)
            }
            None => (id, ts),
        }
    }
    /// Removes what is of that scope and id, or of any where none is named; says whether there was one.
    #[inline(never)]
    pub(crate) fn remove(&mut self, scope: Option<&str>, id: Option<&str>) -> bool {
        self.retain(&|item| scope.is_some_and(|scope| item.scope != scope) || id.is_some_and(|id| item.id != id))
    }
    /// Removes what is not to be kept; says whether there was one.
    #[inline(never)]
    pub(crate) fn retain(&mut self, keep: &dyn Fn(&Record) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(keep);
        self.0.len() != before
    }
    /// Sets the mark of one (of all, where none is named), unless it is higher already; says whether any changed.
    #[inline(never)]
    pub(crate) fn mark(&mut self, id: Option<&str>, mark: u8) -> bool {
        let mut changed = false;
        for item in &mut self.0 {
            if item.mark < mark && id.is_none_or(|id| item.id == id) {
                item.mark = mark;
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(records: &mut Records, id: &str, ts: f64) -> bool {
        records.put("", id, "", ts, Vec::new())
    }
    fn ids(records: &Records) -> Vec<&str> {
        records.iter().map(|record| record.id.as_str()).collect()
    }

    #[test]
    fn records_stand_in_the_order_of_their_times_and_equal_times_in_the_order_of_arrival() {
        let mut records = Records::default();
        for (id, ts) in [("b", 2.0), ("a", 1.0), ("c", 2.0), ("d", 1.5)] {
            assert!(put(&mut records, id, ts));
        }
        assert_eq!(ids(&records), ["a", "d", "b", "c"]);
        assert!(records.remove(None, Some("d")));
        assert!(!records.remove(None, Some("d")));
        assert!(records.remove(None, None));
    }

    #[test]
    fn the_newest_of_an_id_counts_in_whatever_order_they_come_and_keeps_its_mark() {
        let mut records = Records::default();
        let mut named = |name: &str, ts| records.put("", "a", name, ts, Vec::new());
        assert!(named("one", 2.0));
        assert!(!named("older", 1.0));
        assert!(!named("one", 3.0), "only its time changed");
        assert!(records.mark(Some("a"), 2));
        assert!(!records.mark(Some("a"), 1));
        assert!(records.put("", "a", "two", 3.0, Vec::new()));
        assert_eq!(records.iter().map(|item| (item.name.as_str(), item.mark)).collect::<Vec<_>>(), [("two", 2)]);
        assert!(records.put("other", "a", "one", 1.0, Vec::new()), "another scope is another record");
    }

    #[test]
    fn a_full_list_lets_the_oldest_go_and_an_older_one_does_not_enter() {
        let mut records = Records::default();
        for number in 0..MAX_RECORDS {
            put(&mut records, &number.to_string(), 10.0 + number as f64);
        }
        assert!(!put(&mut records, "older", 1.0));
        assert!(put(&mut records, "newer", 1e9));
        assert_eq!(records.iter().len(), MAX_RECORDS);
        assert_eq!(records.iter().next().unwrap().id, "1");
    }

    #[test]
    fn a_message_is_found_again_by_its_senders_name_and_keeps_its_place() {
        let mut records = Records::default();
        let mut told = |id, name, ts, content| {
            let (id, ts) = records.rename("c", id, name, ts);
            records.put("c", id, name, ts, vec![content])
        };
        assert!(told("", "mine", 2.0, 1));
        assert!(told("m-1", "", 1.0, 2));
        assert!(told("m-2", "mine", 2.5, 3));
        assert!(!told("m-2", "mine", 2.5, 3));
        assert!(told("m-1", "", 9.0, 4));
        assert_eq!(records.iter().map(|item| (item.id.as_str(), item.cbor[0])).collect::<Vec<_>>(), [("m-1", 4), ("m-2", 3)]);
    }

    #[test]
    fn every_list_has_its_own_slice() {
        let lists =
            [Kept::Notifications, Kept::Presence, Kept::Typing, Kept::Executions, Kept::Conversations, Kept::Patients, Kept::Messages];
        assert_eq!(lists.len(), Kept::COUNT);
        let all = lists.iter().fold(0, |all, list| {
            assert_eq!(all & list.slice().0, 0);
            all | list.slice().0
        });
        assert_eq!(Slices(all), Slices::KEPT);
    }
}
