//! What schedules amount to.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub schedules: u64,
    pub virtual_ms: u64,
    pub published: u64,
    /// Publications that pages were told, each checked for gap, order and doubling.
    pub checked: u64,
    /// Requests of pages, each settled exactly once.
    pub settled: u64,
    /// Messages of the outbox that the relay has.
    pub delivered: u64,
    /// Messages of the outbox that were reported as given up.
    pub reported: u64,
    /// Answers that came over HTTP.
    pub polls: u64,
    pub tries: u64,
    pub welcomes: u64,
    pub resyncs: u64,
    pub duplicates_dropped: u64,
    pub sign_ins: u64,
    /// The longest time from fair weather to everything being well, in virtual milliseconds.
    pub slowest_healing_ms: u64,
    /// By name.
    pub faults: BTreeMap<&'static str, u64>,
    /// The traces of all schedules, folded.
    pub trace: u64,
}

impl Figures {
    pub fn fault(&mut self, name: &'static str) {
        *self.faults.entry(name).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.virtual_ms += other.virtual_ms;
        self.published += other.published;
        self.checked += other.checked;
        self.settled += other.settled;
        self.delivered += other.delivered;
        self.reported += other.reported;
        self.polls += other.polls;
        self.tries += other.tries;
        self.welcomes += other.welcomes;
        self.resyncs += other.resyncs;
        self.duplicates_dropped += other.duplicates_dropped;
        self.sign_ins += other.sign_ins;
        self.slowest_healing_ms = self.slowest_healing_ms.max(other.slowest_healing_ms);
        for (name, count) in &other.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.trace ^= other.trace;
    }
}

impl core::fmt::Display for Figures {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(
            f,
            "{} schedules, {:.1} virtual hours, {} publications, {} checked at pages, {} requests settled",
            self.schedules,
            self.virtual_ms as f64 / 3_600_000.0,
            self.published,
            self.checked,
            self.settled
        )?;
        writeln!(
            f,
            "{} messages delivered by outboxes, {} reported as given up; {} answers over HTTP",
            self.delivered, self.reported, self.polls
        )?;
        writeln!(
            f,
            "{} sockets, {} welcomes, {} losses announced, {} doubles dropped, {} sign-ins, healed after {:.1} s at most",
            self.tries,
            self.welcomes,
            self.resyncs,
            self.duplicates_dropped,
            self.sign_ins,
            self.slowest_healing_ms as f64 / 1_000.0
        )?;
        write!(f, "{} faults:", self.faults.values().sum::<u64>())?;
        self.faults.iter().try_for_each(|(name, count)| write!(f, " {name} {count},"))?;
        writeln!(f, " trace {:016x}", self.trace)
    }
}
