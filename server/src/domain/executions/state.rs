//! What an execution is, and which changes it takes: without a store, so that the rules stand in one place.
//!
//! An attempt that has ended (succeeded, failed) changes no more; what goes on is the next attempt, by its number. So a report of a
//! worker that was given up can never overwrite that of the one who works now, and one that is sent twice changes nothing.

use pulsewire_protocol::{ExecutionError, ExecutionState, ExecutionUpdate};
use serde::{Deserialize, Serialize};

/// Steps that are remembered of one execution: the newest.
pub const MAX_STEPS: usize = 200;

/// A step that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// As the worker named it.
    pub name: String,
    /// In which attempt.
    pub attempt: u32,
    /// When, in Unix milliseconds.
    pub started_at: i64,
}

/// One long job, as `executions.get` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its id, the one of its channel.
    pub execution_id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// Its state.
    pub status: ExecutionState,
    /// What it is doing, or did last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<String>,
    /// 0 to 1.
    pub progress: f64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<ExecutionError>,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// The steps begun, oldest first, of all attempts.
    pub steps: Vec<Step>,
    /// When it last changed, in Unix milliseconds.
    pub ts: i64,
    /// When it was made.
    pub created_at: i64,
    /// When this attempt ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<i64>,
}

/// What a worker reports: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The new state.
    pub status: Option<ExecutionState>,
    /// What it is doing now.
    pub step: Option<String>,
    /// 0 to 1.
    pub progress: Option<f64>,
    /// Why it failed.
    pub error: Option<ExecutionError>,
    /// Which attempt reports; the current one where nothing is said.
    pub attempt: Option<u32>,
}

impl From<&ExecutionUpdate> for Change {
    fn from(update: &ExecutionUpdate) -> Self {
        Self {
            status: Some(update.status),
            step: update.step.clone(),
            progress: Some(update.progress),
            error: update.error.clone(),
            attempt: Some(update.attempt),
        }
    }
}

/// Whether nothing more comes of an attempt in that state.
pub const fn has_ended(status: ExecutionState) -> bool {
    matches!(status, ExecutionState::Succeeded | ExecutionState::Failed)
}

impl Execution {
    /// One that waits for a worker.
    pub fn queued(execution_id: String, title: Option<String>, now_ms: i64) -> Self {
        Self {
            execution_id,
            title,
            status: ExecutionState::Queued,
            step: None,
            progress: 0.0,
            error: None,
            attempt: 1,
            steps: Vec::new(),
            ts: now_ms,
            created_at: now_ms,
            ended_at: None,
        }
    }

    /// Takes a report; says whether it changed anything, or why it is not taken.
    pub fn apply(&mut self, change: &Change, now_ms: i64) -> Result<bool, String> {
        let attempt = change.attempt.unwrap_or(self.attempt);
        if attempt < self.attempt {
            return Err(format!("attempt: {attempt} was given up: the current one is {}", self.attempt));
        }
        let mut next = self.clone();
        if attempt > self.attempt {
            next.begin_attempt(attempt, ExecutionState::Running);
        }
        next.take(change);
        if next.status != ExecutionState::Failed {
            next.error = None;
        }
        if next.same_as(self) {
            return Ok(false);
        }
        if attempt == self.attempt && has_ended(self.status) {
            return Err(format!(
                "status: attempt {attempt} has ended as {}: report under attempt {} to go on",
                self.status,
                attempt.saturating_add(1)
            ));
        }
        next.note_step(self, now_ms);
        next.ended_at = has_ended(next.status).then_some(now_ms);
        next.ts = now_ms.max(self.ts);
        *self = next;
        Ok(true)
    }

    /// A user asks for another attempt; `false` where one waits to be begun already.
    pub fn retry(&mut self, now_ms: i64) -> Result<bool, String> {
        match self.status {
            ExecutionState::Failed => {
                self.begin_attempt(self.attempt.saturating_add(1), ExecutionState::Retrying);
                self.ts = now_ms.max(self.ts);
                Ok(true)
            }
            ExecutionState::Retrying | ExecutionState::Queued => Ok(false),
            ExecutionState::Running | ExecutionState::Succeeded => {
                Err(format!("status: this execution is {}: only one that failed can be tried again", self.status))
            }
        }
    }

    /// As it is told on its channel.
    pub fn update(&self) -> ExecutionUpdate {
        ExecutionUpdate {
            execution_id: self.execution_id.clone(),
            status: self.status,
            step: self.step.clone(),
            progress: self.progress,
            error: self.error.clone(),
            attempt: self.attempt,
        }
    }

    fn begin_attempt(&mut self, attempt: u32, status: ExecutionState) {
        self.attempt = attempt;
        self.status = status;
        self.step = None;
        self.progress = 0.0;
        self.error = None;
        self.ended_at = None;
    }

    fn take(&mut self, change: &Change) {
        if let Some(status) = change.status {
            self.status = status;
            if status == ExecutionState::Succeeded {
                self.progress = 1.0;
            }
        }
        if let Some(step) = &change.step {
            self.step = Some(step.clone());
        }
        if let Some(progress) = change.progress {
            self.progress = progress;
        }
        if let Some(error) = &change.error {
            self.error = Some(error.clone());
        }
    }

    fn same_as(&self, other: &Self) -> bool {
        (self.status, self.attempt, &self.step, &self.error) == (other.status, other.attempt, &other.step, &other.error)
            && self.progress.to_bits() == other.progress.to_bits()
    }

    fn note_step(&mut self, before: &Self, now_ms: i64) {
        let Some(step) = &self.step else { return };
        if before.step.as_ref() == Some(step) && before.attempt == self.attempt {
            return;
        }
        self.steps.push(Step { name: step.clone(), attempt: self.attempt, started_at: now_ms });
        let over = self.steps.len().saturating_sub(MAX_STEPS);
        self.steps.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let status = proptest::option::of(proptest::sample::select(ExecutionState::ALL.to_vec()));
        let error = proptest::option::of("[a-z]{1,3}".prop_map(|code| ExecutionError { code, message: "m".to_owned(), detail: None }));
        (status, proptest::option::of("[ab]"), proptest::option::of(0.0..=1.0_f64), error, proptest::option::of(1..5_u32))
            .prop_map(|(status, step, progress, error, attempt)| Change { status, step, progress, error, attempt })
    }

    proptest! {
        #[test]
        fn attempts_only_rise_and_one_that_has_ended_changes_no_more(changes in proptest::collection::vec((change(), any::<bool>()), 0..40)) {
            let mut execution = Execution::queued("e".to_owned(), None, 0);
            for (at, (change, retry)) in changes.iter().enumerate() {
                let before = execution.clone();
                let now = at as i64 + 1;
                let taken = if *retry { execution.retry(now) } else { execution.apply(change, now) };
                prop_assert!(execution.attempt >= before.attempt);
                if execution.attempt == before.attempt && has_ended(before.status) {
                    prop_assert_eq!(&execution, &before);
                }
                prop_assert_eq!(taken == Ok(true), execution != before);
                prop_assert!(execution.status == ExecutionState::Failed || execution.error.is_none());
                prop_assert_eq!(has_ended(execution.status), execution.ended_at.is_some());
                prop_assert!(execution.steps.len() <= MAX_STEPS);
                // What was taken may come again: the caller did not get the answer.
                if taken == Ok(true) && !*retry {
                    let once = execution.clone();
                    prop_assert_eq!(execution.apply(change, now + 1), Ok(false));
                    prop_assert_eq!(&execution, &once);
                }
            }
        }
    }

    #[test]
    fn a_report_of_an_attempt_that_was_given_up_is_refused_with_the_number_of_the_current_one() {
        let mut execution = Execution::queued("e".to_owned(), Some("Report".to_owned()), 1);
        let error = ExecutionError { code: "timeout".to_owned(), message: "The lab did not answer".to_owned(), detail: None };
        let failed = Change { status: Some(ExecutionState::Failed), error: Some(error), ..Change::default() };
        assert_eq!(execution.apply(&failed, 2), Ok(true));
        assert_eq!(execution.retry(3), Ok(true));
        assert_eq!((execution.status, execution.attempt, execution.progress), (ExecutionState::Retrying, 2, 0.0));
        let late = Change { progress: Some(0.9), attempt: Some(1), ..Change::default() };
        assert_eq!(execution.apply(&late, 4).unwrap_err(), "attempt: 1 was given up: the current one is 2");
        let going_on =
            Change { status: Some(ExecutionState::Running), step: Some("fetch".to_owned()), attempt: Some(2), ..Change::default() };
        assert_eq!(execution.apply(&going_on, 5), Ok(true));
        assert_eq!(execution.steps, [Step { name: "fetch".to_owned(), attempt: 2, started_at: 5 }]);
        assert!(execution.retry(6).unwrap_err().contains("is running"));
    }
}
