//! Positions: which publications of a channel were seen, and what an answer of the relay adds to them (row C5).
//!
//! The promise: per channel no gap, no duplicate, in order. Everything that decides it is in this file and has no side effects.

use pulsewire_protocol::{Position, Publication, Subscribed};

/// A longer epoch is none: it would have to be sent back with every recovery.
const MAX_EPOCH_BYTES: usize = 256;

/// What to do with a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one (or has no number).
    Apply,
    /// It was there already.
    Duplicate,
    /// Others are missing before it.
    Gap,
}

/// Compares a publication with the newest offset seen. A merged one covers all from its first offset on.
pub(crate) fn judge(seen: u64, publication: &Publication) -> Verdict {
    let Some(offset) = publication.offset else { return Verdict::Apply };
    let first = publication.first_offset.unwrap_or(offset).min(offset);
    if offset <= seen {
        Verdict::Duplicate
    } else if first <= seen.saturating_add(1) {
        Verdict::Apply
    } else {
        Verdict::Gap
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All that was missed since the known position.
    Recovery,
    /// The channel, with nothing known of it.
    Fresh,
    /// Older publications for a channel that goes on meanwhile.
    Backfill,
}

/// What an answer adds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Restored {
    /// To be applied, in this order, each once.
    pub(crate) fresh: Vec<Publication>,
    /// Seen before by the page, but perhaps not by its rings.
    pub(crate) older: Vec<Publication>,
    /// Retained state that a former life of the page has shown, and this one has not.
    pub(crate) restated: Vec<Publication>,
    /// Publications were lost: the page has to reload the channel.
    pub(crate) resync: bool,
    /// A backfill showed that something is missing before it: ask for a recovery.
    pub(crate) hole: bool,
    /// The position from now on.
    pub(crate) position: Option<Position>,
    /// Publications that were there already.
    pub(crate) duplicates: u64,
}

/// Reads an answer against the position known so far.
pub(crate) fn restore(known: Option<&Position>, asked: Asked, answer: &mut Subscribed) -> Restored {
    let mut restored = Restored::default();
    let publications = std::mem::take(&mut answer.publications);
    let mut state = std::mem::take(&mut answer.state);
    let same_epoch = known.is_some_and(|known| known.epoch == answer.epoch);
    let seen = known.filter(|_| same_epoch).map_or(0, |known| known.offset);
    let other_history = known.is_some() && !same_epoch;
    restored.resync = other_history || (asked == Asked::Recovery && known.is_some() && !answer.recovered);

    // The channel goes on meanwhile: state ahead of its place would be applied now and again by the recovery that closes the hole.
    if asked == Asked::Backfill && same_epoch {
        state.clear();
    }
    // Retained state first where it is older than the publications; both are sorted by offset.
    let mut newest = seen;
    for publication in publications {
        if let Some(offset) = publication.offset {
            while state.first().is_some_and(|entry| entry.offset.is_some_and(|at| at <= offset)) {
                let entry = state.remove(0);
                // The same publication in both lists counts once.
                if entry.offset != Some(offset) {
                    take_state(entry, newest, &mut restored);
                }
            }
        }
        let verdict = judge(newest, &publication);
        match (verdict, asked) {
            (Verdict::Duplicate, Asked::Backfill) => restored.older.push(publication),
            (Verdict::Duplicate, _) => restored.duplicates += 1,
            // The channel goes on meanwhile, so what is missing is for a recovery to bring.
            (Verdict::Gap, Asked::Backfill) if same_epoch => restored.hole = true,
            (Verdict::Apply | Verdict::Gap, _) => {
                // A recovery that skips something is none, whatever it says of itself. The first numbers of a history are no hole.
                restored.resync |= verdict == Verdict::Gap && asked == Asked::Recovery && known.is_some();
                newest = publication.offset.unwrap_or(newest);
                restored.fresh.push(publication);
            }
        }
    }
    for entry in state {
        take_state(entry, newest, &mut restored);
    }
    restored.resync |= asked == Asked::Recovery && same_epoch && newest < answer.offset && !answer.epoch.is_empty();
    let offset = match asked {
        Asked::Backfill if same_epoch => newest,
        _ if same_epoch => answer.offset.max(newest),
        _ => answer.offset,
    };
    restored.hole |= same_epoch && offset < answer.offset;
    let has_history = !answer.epoch.is_empty() && answer.epoch.len() <= MAX_EPOCH_BYTES;
    restored.position = has_history.then(|| Position { epoch: answer.epoch.clone(), offset });
    restored
}

/// A state entry counts only if it is newer than what was seen.
fn take_state(entry: Publication, seen: u64, restored: &mut Restored) {
    match judge(seen, &entry) {
        Verdict::Duplicate => restored.duplicates += 1,
        Verdict::Apply | Verdict::Gap => restored.fresh.push(entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::{Payload, RawJson, UnixMs};

    fn publication(offset: u64) -> Publication {
        let data = RawJson::from_text_unchecked("0".to_owned());
        let payload = Payload::Custom { event: "e".to_owned(), data };
        Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs(0.0), from: None }
    }
    fn answer(epoch: &str, offset: u64, recovered: bool, publications: &[u64], state: &[u64]) -> Subscribed {
        Subscribed {
            id: Some(1),
            channel: "c".to_owned(),
            epoch: epoch.to_owned(),
            offset,
            recovered,
            publications: publications.iter().map(|offset| publication(*offset)).collect(),
            state: state.iter().map(|offset| publication(*offset)).collect(),
            viewers: None,
        }
    }
    fn at(epoch: &str, offset: u64) -> Position {
        Position { epoch: epoch.to_owned(), offset }
    }
    fn offsets(publications: &[Publication]) -> Vec<u64> {
        publications.iter().filter_map(|publication| publication.offset).collect()
    }

    #[test]
    fn a_publication_is_next_or_old_or_shows_a_gap_and_a_merged_one_counts_from_its_first() {
        assert_eq!(judge(5, &publication(6)), Verdict::Apply);
        assert_eq!(judge(5, &publication(5)), Verdict::Duplicate);
        assert_eq!(judge(5, &publication(7)), Verdict::Gap);
        let merged = Publication { first_offset: Some(4), ..publication(9) };
        assert_eq!(judge(5, &merged), Verdict::Apply);
        assert_eq!(judge(2, &merged), Verdict::Gap);
        assert_eq!(judge(9, &merged), Verdict::Duplicate);
        assert_eq!(judge(u64::MAX, &Publication { offset: None, ..publication(1) }), Verdict::Apply);
    }

    #[test]
    fn a_recovery_adds_exactly_what_was_missed() {
        let restored = restore(Some(&at("a", 5)), Asked::Recovery, &mut answer("a", 8, true, &[5, 6, 7, 8], &[3, 7]));
        assert_eq!(offsets(&restored.fresh), [6, 7, 8]);
        assert!(!restored.resync);
        assert_eq!(restored.position, Some(at("a", 8)));
    }

    #[test]
    fn a_recovery_with_a_hole_a_short_end_or_another_epoch_is_a_loss() {
        for mut answer in [
            answer("a", 8, true, &[7, 8], &[]),
            answer("a", 8, true, &[6, 7], &[]),
            answer("a", 8, true, &[], &[]),
            answer("a", 8, false, &[], &[]),
            answer("b", 8, true, &[6, 7, 8], &[]),
            answer("", 0, true, &[], &[]),
        ] {
            assert!(restore(Some(&at("a", 5)), Asked::Recovery, &mut answer).resync, "{answer:?}");
        }
    }

    #[test]
    fn a_loss_goes_on_from_the_new_position_with_the_newest_history() {
        let restored = restore(Some(&at("a", 5)), Asked::Recovery, &mut answer("b", 3, false, &[2, 3], &[1]));
        assert_eq!(offsets(&restored.fresh), [1, 2, 3]);
        assert_eq!(restored.position, Some(at("b", 3)));
    }

    #[test]
    fn state_is_applied_once_and_only_if_newer() {
        let restored = restore(None, Asked::Fresh, &mut answer("a", 9, false, &[7, 8, 9], &[2, 8]));
        assert_eq!(offsets(&restored.fresh), [2, 7, 8, 9]);
        let restored = restore(Some(&at("a", 9)), Asked::Recovery, &mut answer("a", 9, true, &[], &[2, 8]));
        assert!(restored.fresh.is_empty() && !restored.resync);
    }

    #[test]
    fn a_backfill_hands_out_what_is_old_apart_and_moves_nothing_back() {
        let restored = restore(Some(&at("a", 9)), Asked::Backfill, &mut answer("a", 9, false, &[6, 7, 8, 9], &[8]));
        assert_eq!(offsets(&restored.older), [6, 7, 8, 9]);
        assert!(restored.fresh.is_empty() && !restored.resync);
        assert_eq!(restored.position, Some(at("a", 9)));
    }

    #[test]
    fn a_backfill_leaves_state_ahead_of_the_place_to_the_recovery_that_closes_the_hole() {
        for publications in [&[8, 9][..], &[]] {
            let restored = restore(Some(&at("a", 5)), Asked::Backfill, &mut answer("a", 9, false, publications, &[7]));
            assert!(restored.fresh.is_empty() && restored.hole);
            assert_eq!(restored.position, Some(at("a", 5)));
        }
        let restored = restore(Some(&at("a", 5)), Asked::Recovery, &mut answer("a", 9, true, &[6, 7, 8, 9], &[7]));
        assert_eq!(offsets(&restored.fresh), [6, 7, 8, 9]);
    }

    #[test]
    fn a_backfill_never_jumps_over_what_is_missing() {
        let restored = restore(Some(&at("a", 5)), Asked::Backfill, &mut answer("a", 9, false, &[8, 9], &[]));
        assert!(restored.fresh.is_empty() && restored.hole && !restored.resync);
        assert_eq!(restored.position, Some(at("a", 5)));
        let restored = restore(Some(&at("a", 5)), Asked::Backfill, &mut answer("a", 7, false, &[4, 5, 6, 7], &[]));
        assert_eq!((offsets(&restored.older), offsets(&restored.fresh)), (vec![4, 5], vec![6, 7]));
        assert_eq!((restored.position, restored.hole), (Some(at("a", 7)), false));
    }

    #[test]
    fn a_channel_without_history_has_no_position_and_never_resyncs() {
        let restored = restore(None, Asked::Fresh, &mut answer("", 0, false, &[], &[]));
        assert_eq!(restored, Restored::default());
    }
}
