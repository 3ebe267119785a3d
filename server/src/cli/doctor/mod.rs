//! `pulsewire-relay doctor`: looks at configuration and system before users do, and says the mend for each finding.
//!
//! A file for each subject: a check is a function that gives a [`Check`], and [`examine`] calls them all.
//!
//! Limits: it looks from where it runs. A limit that a service manager sets must be looked at from inside that service.

mod capacity;
mod clock;
mod keys;
mod places;
mod redis;
mod secrets;

pub(super) use capacity::descriptors_wanted;
pub(super) use places::mend_of_bind;

use super::{DoctorArgs, Failure, sources};
use crate::config::Sources;
use crate::monitor::source::allowance;
use serde::Serialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to do.
    #[serde(rename = "ok")]
    Good,
    /// It works, and could be better.
    Warning,
    /// It will not work.
    #[serde(rename = "failed")]
    Bad,
}

/// One check, its verdict and its mend.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub finding: String,
    /// What to do about it; empty where there is nothing to do.
    pub mend: String,
}

impl core::fmt::Display for Check {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let word = match self.verdict {
            Verdict::Good => "ok  ",
            Verdict::Warning => "warn",
            Verdict::Bad => "FAIL",
        };
        write!(f, "{word}  {}: {}", self.name, self.finding)?;
        if !self.mend.is_empty() {
            write!(f, "\n      mend: {}", self.mend)?;
        }
        Ok(())
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    checks: &'a [Check],
    failed: usize,
    warnings: usize,
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let checks = examine(&sources(args.sources.config.clone(), args.flags())?);
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (bad, warnings) = (count(Verdict::Bad), count(Verdict::Warning));
    let told = if args.json {
        let report = Report { checks: &checks, failed: bad, warnings };
        serde_json::to_string_pretty(&report).map_err(|error| Failure::new(1, format!("the report cannot be written: {error}")))?
    } else {
        let mut lines: Vec<String> = checks.iter().map(ToString::to_string).collect();
        lines.push(format!("{} checks: {bad} failed, {warnings} to look at", checks.len()));
        lines.join("\n")
    };
    println!("{told}");
    if bad == 0 { Ok(()) } else { Err(Failure::new(1, format!("{bad} of {} checks failed", checks.len()))) }
}

/// Makes every check that these settings allow.
pub fn examine(sources: &Sources) -> Vec<Check> {
    let mut checks = vec![clock::clock(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO), clock::Known::read())];
    match crate::config::load(sources) {
        Ok(config) => {
            let from = sources.file.as_ref().map_or("defaults, environment and flags".to_owned(), |file| file.display().to_string());
            checks.push(good("configuration", format!("{from}: every key is known and in range")));
            checks.extend(secrets::secret(&config));
            checks.extend(keys::keys(&config));
            checks.extend(sources.file.as_deref().and_then(|file| secrets::secret_file(file, &config)));
            checks.push(capacity::descriptors(&config, rlimit::Resource::NOFILE.get().ok()));
            checks.push(capacity::memory(&config, &allowance()));
            checks.extend(capacity::kernel(&config, &capacity::Kernel::read()));
            checks.push(places::port(&config));
            checks.extend(redis::redis(&config));
            checks.extend(config.data_dir.as_deref().map(places::data_dir));
            #[cfg(feature = "domain")]
            checks.extend(places::store(&config));
            checks.extend(config.www.as_deref().map(places::www));
        }
        Err(mistakes) => checks.extend(mistakes.0.into_iter().map(|mistake| Check {
            name: "configuration",
            verdict: Verdict::Bad,
            finding: match mistake.key.as_str() {
                "" => format!("{}: {}", mistake.place, mistake.problem),
                key => format!("{}: {key}: {}", mistake.place, mistake.problem),
            },
            mend: mistake.mend,
        })),
    }
    checks
}

fn good(name: &'static str, finding: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Good, finding: finding.into(), mend: String::new() }
}

fn warning(name: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Warning, finding: finding.into(), mend: mend.into() }
}

fn bad(name: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Bad, finding: finding.into(), mend: mend.into() }
}
