//! The toast queue (row C7): gravest first, then newest; some are shown, the rest wait.
//!
//! A toast's clock runs only while it is shown and nobody points at it: one that waits, or that a graver one pushed out of
//! sight, keeps the time it has left. That of a critical or high one stands still, too, while nobody sees the page or the machine
//! sleeps; light ones go meanwhile, so that a night does not end in a flood. The same `(kind, id)` never comes twice, even long after it went.
//!
//! Places are what is limited, not toasts: those that say the same share one, and so do those of a storm, [`STORM`] or more of one
//! kind, severity and group at a time ("37 devices offline"), but for critical ones: who stands in one must be seen without opening it. None
//! is lost by that: each keeps its id, its clock and its sound.

use crate::config::ToastConfig;
use crate::time::{Millis, Now};
use pulsewire_protocol::Severity;

/// Ids remembered so that the same alert never shows twice.
const MAX_SEEN: usize = 2_000;
/// So many of one group are a storm. Fewer stand by themselves: two patients with the same trouble are two calls for help.
const STORM: usize = 4;

/// What a toast is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToastKind {
    /// An alert.
    Alert,
    /// A notification.
    Notification,
    /// An execution that ended or failed.
    Execution,
    /// A problem of the connection.
    Connection,
    /// A problem of signing in.
    Auth,
}

impl ToastKind {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Notification => "notification",
            Self::Execution => "execution",
            Self::Connection => "connection",
            Self::Auth => "auth",
        }
    }
}

/// One toast.
#[derive(Clone, Debug, PartialEq)]
pub struct Toast {
    /// Stable; the alert's id for alerts.
    pub id: String,
    /// What it is about.
    pub kind: ToastKind,
    /// How grave.
    pub severity: Severity,
    /// The headline; for `Connection` and `Auth` a key such as `connection_lost` that the page translates.
    pub title: String,
    /// The text.
    pub message: String,
    /// When it came up (Unix time).
    pub ts: Millis,
    /// When it goes by itself (Unix time), while its clock runs.
    pub expires_at: Option<Millis>,
    /// The patient.
    pub patient_id: Option<String>,
    /// The device.
    pub device_id: Option<String>,
    /// Where a click leads.
    pub link: Option<String>,
    /// What it has in common with others of a storm: an alert's type. Empty where there is nothing.
    pub group: String,
}

impl Toast {
    fn is_like(&self, other: &Self) -> bool {
        self.kind == other.kind && self.severity == other.severity && self.group == other.group
    }
    /// Two patients of one name ("Unknown") are two calls for help.
    fn says_same(&self, other: &Self) -> bool {
        self.title == other.title
            && self.message == other.message
            && self.patient_id == other.patient_id
            && self.device_id == other.device_id
    }
}

#[derive(Clone, Debug)]
struct Kept {
    toast: Toast,
    /// What is left on its clock while that stands still.
    remaining_ms: u64,
    /// When it goes (monotonic), while its clock runs.
    deadline: Option<Millis>,
    /// Whether it has ever been in sight.
    shown: bool,
    /// Whether it came in a storm, or one came over it.
    storm: bool,
    /// Which place it stands in, from 0; several may share one.
    place: usize,
}

/// The queue.
#[derive(Clone, Debug)]
pub struct Toasts {
    config: ToastConfig,
    /// Gravest first, then newest.
    kept: Vec<Kept>,
    held: bool,
    /// Nobody sees the page.
    hidden: bool,
    seen: Vec<(ToastKind, String)>,
    dropped: u64,
}

impl Toasts {
    pub(crate) fn new(config: ToastConfig) -> Self {
        Self { config, kept: Vec::new(), held: false, hidden: false, seen: Vec::new(), dropped: 0 }
    }
    /// The first of each place in sight, gravest first, then newest.
    pub fn visible(&self) -> impl ExactSizeIterator<Item = &Toast> {
        let places = self.kept.iter().map(|kept| kept.place + 1).max().unwrap_or(0);
        (0..places.min(self.config.max_visible)).filter_map(|place| self.at(place).next()).collect::<Vec<_>>().into_iter()
    }
    /// Those that share the place of one in sight, without that one.
    pub fn behind(&self, shown: &Toast) -> impl Iterator<Item = &Toast> {
        let place = self.kept.iter().find(|kept| kept.toast == *shown).map_or(usize::MAX, |kept| kept.place);
        self.at(place).skip(1)
    }
    fn at(&self, place: usize) -> impl Iterator<Item = &Toast> {
        self.kept.iter().filter(move |kept| kept.place == place).map(|kept| &kept.toast)
    }
    /// How many there are in all, in sight and waiting.
    pub fn count(&self) -> usize {
        self.kept.len()
    }
    /// How many wait for a place.
    pub fn waiting(&self) -> usize {
        self.kept.iter().filter(|kept| kept.place >= self.config.max_visible).count()
    }
    /// Whether somebody holds the clocks.
    pub fn held(&self) -> bool {
        self.held
    }
    /// How many went unseen because too many came.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
    /// When the next one goes (monotonic).
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.kept.iter().filter_map(|kept| kept.deadline).min()
    }

    /// Adds a toast, unless it is not grave enough or was there before; says whether it was added.
    pub(crate) fn handle_new(&mut self, now: Now, toast: Toast) -> bool {
        if toast.severity > self.config.min_severity || self.seen.iter().any(|(kind, id)| *kind == toast.kind && *id == toast.id) {
            return false;
        }
        if self.seen.len() >= MAX_SEEN {
            self.seen.remove(0);
        }
        self.seen.push((toast.kind, toast.id.clone()));
        self.run_clocks(now);
        let index = self.kept.partition_point(|kept| kept.toast.severity < toast.severity);
        let kept = Kept { toast, remaining_ms: self.config.duration_ms, deadline: None, shown: false, storm: false, place: 0 };
        self.kept.insert(index, kept);
        if self.kept.len() > self.config.max_kept.max(1) {
            // The last is the least grave and the oldest of these.
            self.kept.pop();
            self.dropped += 1;
        }
        self.run_clocks(now);
        true
    }

    /// Removes a toast; says whether it was there.
    pub(crate) fn handle_dismiss(&mut self, now: Now, id: &str) -> bool {
        self.take(now, id).is_some()
    }
    /// Removes a toast and gives it.
    pub(crate) fn take(&mut self, now: Now, id: &str) -> Option<Toast> {
        let index = self.kept.iter().position(|kept| kept.toast.id == id)?;
        let taken = self.kept.remove(index);
        self.run_clocks(now);
        Some(taken.toast)
    }
    /// Removes every toast of a kind; says whether there was one.
    pub(crate) fn handle_dismiss_kind(&mut self, now: Now, kind: ToastKind) -> bool {
        let before = self.kept.len();
        self.kept.retain(|kept| kept.toast.kind != kind);
        self.run_clocks(now);
        self.kept.len() != before
    }
    /// Stops the clocks or lets them run on; says whether anything changed.
    pub(crate) fn handle_hold(&mut self, now: Now, held: bool) -> bool {
        let changed = self.held != held;
        let expired = self.run_clocks(now);
        self.held = held;
        self.run_clocks(now);
        changed || expired
    }
    /// Removes those whose time is over; says whether there was one.
    pub(crate) fn handle_expiry(&mut self, now: Now) -> bool {
        self.run_clocks(now)
    }
    /// The page is seen no longer, or again; says whether anything changed.
    pub(crate) fn handle_hidden(&mut self, now: Now, hidden: bool) -> bool {
        let before = self.deadline();
        let expired = self.run_clocks(now);
        self.hidden = hidden;
        self.run_clocks(now);
        expired || self.deadline() != before
    }
    /// The machine slept: what came to pass since the last input was in nobody's sight. Says whether anything changed.
    pub(crate) fn handle_slept(&mut self, now: Now, passed_ms: u64) -> bool {
        let mut changed = false;
        for kept in &mut self.kept {
            if let Some(deadline) = &mut kept.deadline
                && kept.toast.severity <= Severity::High
            {
                *deadline = deadline.plus(passed_ms);
                kept.toast.expires_at = Some(now.unix.plus(deadline.since(now.monotonic)));
                changed = true;
            }
        }
        changed
    }
    /// The next one that came into sight for the first time. In a page that nobody sees each one is announced at once: its place may
    /// be long in coming, and the sound must not wait for it.
    pub(crate) fn poll_shown(&mut self) -> Option<Toast> {
        let places = if self.hidden { usize::MAX } else { self.config.max_visible };
        let newly = self.kept.iter_mut().find(|kept| !kept.shown && kept.place < places)?;
        newly.shown = true;
        Some(newly.toast.clone())
    }
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.seen.clear();
    }

    /// Removes those whose time is over, starts the clocks of those in sight and stops all others; says whether any went.
    fn run_clocks(&mut self, now: Now) -> bool {
        let before = self.kept.len();
        self.kept.retain(|kept| kept.deadline.is_none_or(|deadline| deadline > now.monotonic));
        self.arrange();
        for kept in &mut self.kept {
            let unseen = self.held || (self.hidden && kept.toast.severity <= Severity::High);
            let runs = !unseen && kept.place < self.config.max_visible;
            match kept.deadline {
                None if runs => {
                    kept.deadline = Some(now.monotonic.plus(kept.remaining_ms));
                    kept.toast.expires_at = Some(now.unix.plus(kept.remaining_ms));
                }
                Some(deadline) if !runs => {
                    kept.remaining_ms = deadline.since(now.monotonic);
                    kept.deadline = None;
                    kept.toast.expires_at = None;
                }
                _ => {}
            }
        }
        self.kept.len() != before
    }

    /// Gives each its place. A storm that was one stays one to its end, so that its last ones do not fall apart into single cards.
    fn arrange(&mut self) {
        let mut places = 0;
        for index in 0..self.kept.len() {
            let (before, rest) = self.kept.split_at_mut(index);
            let Some((this, after)) = rest.split_first_mut() else { return };
            if !this.storm && !this.toast.group.is_empty() && this.toast.severity > Severity::Critical {
                let like = || before.iter().chain(after.iter()).filter(|other| other.toast.is_like(&this.toast));
                this.storm = like().any(|other| other.storm) || like().count() + 1 >= STORM;
            }
            let shared = before
                .iter()
                .find(|other| other.toast.is_like(&this.toast) && (other.toast.says_same(&this.toast) || (this.storm && other.storm)));
            this.place = shared.map_or(places, |other| other.place);
            places = places.max(this.place + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now { monotonic: Millis(ms), unix: Millis(1_000_000 + ms) }
    }
    fn toast(id: &str, severity: Severity) -> Toast {
        Toast {
            id: id.to_owned(),
            kind: ToastKind::Alert,
            severity,
            title: id.to_owned(),
            message: String::new(),
            ts: Millis(0),
            expires_at: None,
            patient_id: None,
            device_id: None,
            link: None,
            group: String::new(),
        }
    }
    fn offline(id: &str) -> Toast {
        Toast { group: "device_offline".to_owned(), ..toast(id, Severity::Medium) }
    }
    fn behind(toasts: &Toasts) -> Vec<usize> {
        toasts.visible().map(|shown| toasts.behind(shown).count()).collect()
    }
    fn visible(toasts: &Toasts) -> Vec<&str> {
        toasts.visible().map(|toast| toast.id.as_str()).collect()
    }

    #[test]
    fn the_gravest_come_first_then_the_newest_and_the_rest_wait() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 2, ..ToastConfig::default() });
        for (id, severity) in [("low", Severity::Low), ("high", Severity::High), ("newer", Severity::High)] {
            assert!(toasts.handle_new(at(0), toast(id, severity)));
        }
        assert_eq!(visible(&toasts), ["newer", "high"]);
        assert_eq!(toasts.waiting(), 1);
    }

    #[test]
    fn a_toast_goes_after_its_time_and_one_that_waited_gets_its_whole_time() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        toasts.handle_new(at(0), toast("first", Severity::High));
        toasts.handle_new(at(0), toast("waits", Severity::Low));
        assert_eq!(toasts.deadline(), Some(Millis(10_000)));
        assert!(!toasts.handle_expiry(at(9_999)));
        assert!(toasts.handle_expiry(at(10_000)));
        assert_eq!(visible(&toasts), ["waits"]);
        assert_eq!(toasts.deadline(), Some(Millis(20_000)));
    }

    #[test]
    fn a_hold_stops_the_clock_and_letting_go_gives_what_was_left() {
        let mut toasts = Toasts::new(ToastConfig::default());
        toasts.handle_new(at(0), toast("a", Severity::High));
        assert!(toasts.handle_hold(at(4_000), true));
        assert_eq!(toasts.deadline(), None);
        assert_eq!(toasts.visible().next().unwrap().expires_at, None);
        assert!(!toasts.handle_expiry(at(60_000)));
        toasts.handle_hold(at(60_000), false);
        assert_eq!(toasts.deadline(), Some(Millis(66_000)));
        assert_eq!(toasts.visible().next().unwrap().expires_at, Some(Millis(1_066_000)));
    }

    #[test]
    fn grave_ones_keep_their_time_while_nobody_sees_the_page_and_light_ones_go() {
        let mut toasts = Toasts::new(ToastConfig::default());
        toasts.handle_new(at(0), toast("before", Severity::High));
        assert!(toasts.handle_hidden(at(4_000), true));
        toasts.handle_new(at(5_000), toast("meanwhile", Severity::Critical));
        toasts.handle_new(at(5_000), toast("light", Severity::Medium));
        assert!(toasts.handle_expiry(at(15_000)));
        assert!(!toasts.handle_expiry(at(3_600_000)));
        assert_eq!(visible(&toasts), ["meanwhile", "before"]);
        assert!(toasts.handle_hidden(at(3_600_000), false));
        assert!(toasts.handle_expiry(at(3_606_000)));
        assert_eq!((visible(&toasts), toasts.deadline()), (vec!["meanwhile"], Some(Millis(3_610_000))));
    }

    #[test]
    fn in_a_page_that_nobody_sees_each_one_is_announced_though_all_places_are_taken() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        toasts.handle_hidden(at(0), true);
        toasts.handle_new(at(0), toast("critical", Severity::Critical));
        toasts.handle_new(at(1), toast("high", Severity::High));
        assert_eq!(toasts.poll_shown().unwrap().id, "critical");
        assert_eq!(toasts.poll_shown().unwrap().id, "high");
        assert_eq!(toasts.poll_shown(), None);
        toasts.handle_hidden(at(2), false);
        toasts.handle_dismiss(at(3), "critical");
        assert_eq!(visible(&toasts), ["high"]);
        assert_eq!(toasts.poll_shown(), None);
    }

    #[test]
    fn the_same_alert_never_shows_twice_even_after_it_went() {
        let mut toasts = Toasts::new(ToastConfig::default());
        assert!(toasts.handle_new(at(0), toast("a", Severity::High)));
        assert!(toasts.handle_dismiss(at(1), "a"));
        assert!(!toasts.handle_new(at(2), toast("a", Severity::High)));
        assert_eq!(toasts.waiting() + toasts.visible().len(), 0);
    }

    #[test]
    fn a_graver_one_pushes_the_last_out_of_sight_where_its_clock_stands_still() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        toasts.handle_new(at(0), toast("low", Severity::Low));
        toasts.handle_new(at(4_000), toast("critical", Severity::Critical));
        assert_eq!(visible(&toasts), ["critical"]);
        toasts.handle_dismiss(at(8_000), "critical");
        assert_eq!(toasts.deadline(), Some(Millis(14_000)));
    }

    #[test]
    fn one_whose_time_ends_as_a_graver_one_comes_goes_and_does_not_wait_with_no_time_left() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        toasts.handle_new(at(0), toast("low", Severity::Low));
        toasts.handle_new(at(10_000), toast("critical", Severity::Critical));
        assert_eq!((visible(&toasts), toasts.waiting()), (vec!["critical"], 0));
    }

    #[test]
    fn each_toast_is_told_of_once_when_it_comes_into_sight() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        toasts.handle_new(at(0), toast("a", Severity::High));
        toasts.handle_new(at(0), toast("b", Severity::Low));
        assert_eq!(toasts.poll_shown().unwrap().id, "a");
        assert_eq!(toasts.poll_shown(), None);
        toasts.handle_dismiss(at(1), "a");
        assert_eq!(toasts.poll_shown().unwrap().id, "b");
    }

    #[test]
    fn what_is_too_light_is_not_shown_and_too_many_drop_the_least_grave() {
        let mut toasts = Toasts::new(ToastConfig { min_severity: Severity::Medium, max_kept: 2, ..ToastConfig::default() });
        assert!(!toasts.handle_new(at(0), toast("low", Severity::Low)));
        for (id, severity) in [("m1", Severity::Medium), ("m2", Severity::Medium), ("c", Severity::Critical)] {
            toasts.handle_new(at(0), toast(id, severity));
        }
        assert_eq!(visible(&toasts), ["c", "m2"]);
        assert_eq!(toasts.dropped(), 1);
    }

    #[test]
    fn a_storm_takes_one_place_and_what_is_graver_stands_above_it() {
        let mut toasts = Toasts::new(ToastConfig::default());
        toasts.handle_new(at(0), toast("critical", Severity::Critical));
        for n in 0..37 {
            toasts.handle_new(at(1), offline(&n.to_string()));
        }
        toasts.handle_new(at(2), toast("low", Severity::Low));
        assert_eq!((visible(&toasts), behind(&toasts), toasts.waiting()), (vec!["critical", "36", "low"], vec![0, 36, 0], 0));
    }

    #[test]
    fn each_of_a_storm_is_told_of_and_goes_by_its_own_clock() {
        let mut toasts = Toasts::new(ToastConfig { max_visible: 1, ..ToastConfig::default() });
        for n in 0..5 {
            toasts.handle_new(at(n * 1_000), offline(&n.to_string()));
        }
        let told = core::iter::from_fn(|| toasts.poll_shown()).count();
        assert_eq!((told, visible(&toasts), behind(&toasts)), (5, vec!["4"], vec![4]));
        assert!(toasts.handle_expiry(at(12_500)));
        assert_eq!((visible(&toasts), behind(&toasts), toasts.waiting()), (vec!["4"], vec![1], 0));
    }

    #[test]
    fn three_of_one_group_stand_by_themselves() {
        let mut toasts = Toasts::new(ToastConfig::default());
        for id in ["a", "b", "c"] {
            toasts.handle_new(at(0), offline(id));
        }
        assert_eq!((visible(&toasts), behind(&toasts)), (vec!["c", "b", "a"], vec![0, 0, 0]));
    }

    #[test]
    fn critical_ones_are_never_a_storm_whatever_they_have_in_common() {
        let mut toasts = Toasts::new(ToastConfig::default());
        for id in ["a", "b", "c", "d"] {
            toasts.handle_new(at(0), Toast { severity: Severity::Critical, ..offline(id) });
        }
        assert_eq!((visible(&toasts), behind(&toasts)), (vec!["d", "c", "b", "a"], vec![0; 4]));
    }

    #[test]
    fn those_that_say_the_same_share_a_place_from_the_second_on_and_leave_it_one_by_one() {
        let mut toasts = Toasts::new(ToastConfig::default());
        for id in ["a", "b"] {
            toasts.handle_new(at(0), Toast { title: "Ana Lima".to_owned(), ..toast(id, Severity::High) });
        }
        assert_eq!((visible(&toasts), behind(&toasts)), (vec!["b"], vec![1]));
        toasts.handle_dismiss(at(1), "b");
        assert_eq!((visible(&toasts), behind(&toasts)), (vec!["a"], vec![0]));
    }

    #[test]
    fn two_patients_or_devices_of_one_name_never_share_a_place() {
        let mut toasts = Toasts::new(ToastConfig::default());
        for (id, patient, device) in [("a", "1", "x"), ("b", "2", "x"), ("c", "2", "y"), ("d", "2", "y")] {
            let (patient_id, device_id) = (Some(patient.to_owned()), Some(device.to_owned()));
            let unknown = Toast { title: "Unknown".to_owned(), patient_id, device_id, ..toast(id, Severity::Critical) };
            toasts.handle_new(at(0), unknown);
        }
        assert_eq!((visible(&toasts), behind(&toasts)), (vec!["d", "b", "a"], vec![1, 0, 0]));
    }

    #[test]
    fn a_flood_of_light_ones_never_pushes_out_a_critical_one() {
        let mut toasts = Toasts::new(ToastConfig::default());
        toasts.handle_new(at(0), toast("critical", Severity::Critical));
        for n in 0..500 {
            toasts.handle_new(at(1), toast(&n.to_string(), Severity::Low));
        }
        assert_eq!(visible(&toasts).first(), Some(&"critical"));
    }
}
