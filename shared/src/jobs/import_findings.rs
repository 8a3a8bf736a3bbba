//! Imports the findings and controls of a report into AWS Security Hub.
//!
//! Enters: a report, the account and region of Security Hub. Leaves: an [`ImportSummary`]. Laws: each finding is imported, refused or
//! not confirmed, and counted as one of them; a call that is throttled or fails for a time is repeated with growing pauses; a refused
//! finding is sent once more, because Security Hub refuses some for a moment; nothing that belongs to the workflow of the customer is
//! changed.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use thiserror::Error;

use super::retry::with_retries;
use crate::{
    ports::{Clock, FindingImporter, ImportResponse, PortError, RefusedFinding},
    render::asff::{SecurityHubTarget, batches},
    report::Report,
};

/// Pause before refused findings are sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// How an import ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportSummary {
    /// Number of findings and controls that were sent.
    pub sent: u64,
    /// Number of them that were imported.
    pub imported: u64,
    /// Those that were refused.
    pub refused: Vec<RefusedFinding>,
}

/// An import ended before all findings were sent.
#[derive(Debug, Error)]
#[error("of {total} findings {imported} were imported into Security Hub and {} refused before the import failed", .refused.len())]
pub struct ImportError {
    /// Number of findings and controls of the report.
    pub total: u64,
    /// Number of them that were imported.
    pub imported: u64,
    /// Those that were refused until then.
    pub refused: Vec<RefusedFinding>,
    /// Why the import failed.
    #[source]
    pub cause: PortError,
}

impl ImportSummary {
    /// Number of findings that Security Hub neither confirmed nor refused.
    pub fn unconfirmed(&self) -> u64 {
        self.sent.saturating_sub(self.imported).saturating_sub(self.refused.len() as u64)
    }

    /// Whether all findings were imported.
    pub const fn is_complete(&self) -> bool {
        self.imported == self.sent && self.refused.is_empty()
    }

    fn add(&mut self, response: ImportResponse) {
        self.imported += response.imported;
        self.refused.extend(response.refused);
    }
}

/// Imports all findings and controls of a report.
///
/// # Errors
/// When a call failed for another reason than a passing one, or for too long.
pub fn import_findings(
    importer: &dyn FindingImporter,
    clock: &dyn Clock,
    report: &Report,
    target: &SecurityHubTarget,
) -> Result<ImportSummary, ImportError> {
    let batches = batches(report, Some(target));
    let total = batches.iter().map(|batch| batch.len() as u64).sum();
    let mut summary = ImportSummary::default();
    for batch in &batches {
        let failed = |summary: ImportSummary, cause| {
            let ImportSummary { imported, refused, .. } = summary;
            ImportError { total, imported, refused, cause }
        };
        let mut response = match with_retries(clock, || importer.import(batch)) {
            Ok(response) => response,
            Err(cause) => return Err(failed(summary, cause)),
        };
        let again = refused_for_a_moment(batch, &response);
        if !again.is_empty() {
            clock.sleep(PAUSE);
            match with_retries(clock, || importer.import(&again)) {
                Ok(second) => {
                    response.refused.retain(is_final);
                    summary.add(second);
                }
                Err(cause) => {
                    summary.add(response);
                    return Err(failed(summary, cause));
                }
            }
        }
        summary.sent += batch.len() as u64;
        summary.add(response);
    }
    Ok(summary)
}

/// The findings that were refused, but not because they are invalid.
fn refused_for_a_moment(batch: &[Value], response: &ImportResponse) -> Vec<Value> {
    let passing = response.refused.iter().filter(|one| !is_final(one));
    let ids: BTreeSet<&str> = passing.map(|one| &*one.id).collect();
    let is_refused = |finding: &&Value| finding["Id"].as_str().is_some_and(|id| ids.contains(id));
    batch.iter().filter(is_refused).cloned().collect()
}

/// Whether a finding will be refused again.
fn is_final(refused: &RefusedFinding) -> bool {
    refused.code.starts_with("Invalid") || refused.code.contains("Access")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{ports::PortErrorKind, render::sample, time::Time};

    type Answer = Box<dyn Fn(&[Value]) -> Result<ImportResponse, PortErrorKind> + Sync + Send>;

    /// Answers each call with the next answer, the last ones with success.
    struct ScriptedHub {
        answers: Mutex<Vec<Answer>>,
        calls: Mutex<Vec<usize>>,
    }

    impl ScriptedHub {
        fn new(mut answers: Vec<Answer>) -> Self {
            answers.reverse();
            Self { answers: Mutex::new(answers), calls: Mutex::default() }
        }
    }

    impl FindingImporter for ScriptedHub {
        fn import(&self, findings: &[Value]) -> Result<ImportResponse, PortError> {
            self.calls.lock().unwrap().push(findings.len());
            let all = |findings: &[Value]| {
                Ok(ImportResponse { imported: findings.len() as u64, refused: Vec::new() })
            };
            let answer =
                self.answers.lock().unwrap().pop().map_or_else(|| all(findings), |one| one(findings));
            answer.map_err(|kind| PortError {
                operation: "import",
                name: "hub".to_owned(),
                kind,
                cause: "said".into(),
            })
        }
    }

    /// Counts the seconds that the job waits.
    #[derive(Default)]
    struct CountingClock(Mutex<Duration>);

    impl Clock for CountingClock {
        fn now(&self) -> Time {
            Time(0)
        }

        fn remaining(&self) -> Duration {
            Duration::from_secs(600)
        }

        fn sleep(&self, length: Duration) {
            *self.0.lock().unwrap() += length;
        }
    }

    fn import(hub: &ScriptedHub, clock: &CountingClock) -> Result<ImportSummary, ImportError> {
        let target = SecurityHubTarget::new("111122223333", "eu-west-1");
        import_findings(hub, clock, &sample::non_compliant(), &target)
    }

    fn refuse(first: usize, code: &'static str) -> Answer {
        Box::new(move |findings| {
            let refused = findings.iter().take(first).map(|finding| RefusedFinding {
                id: finding["Id"].as_str().unwrap().to_owned(),
                code: code.to_owned(),
                message: "no".to_owned(),
            });
            let refused: Vec<RefusedFinding> = refused.collect();
            Ok(ImportResponse { imported: (findings.len() - refused.len()) as u64, refused })
        })
    }

    #[test]
    fn all_findings_and_controls_are_imported_in_batches_of_a_hundred() {
        let (hub, clock) = (ScriptedHub::new(Vec::new()), CountingClock::default());
        let target = SecurityHubTarget::new("111122223333", "eu-west-1");
        let report = sample::many_findings(250);
        let summary = import_findings(&hub, &clock, &report, &target).unwrap();
        let all = report.result.findings.len() + report.result.controls.len();
        assert_eq!((summary.sent, summary.is_complete()), (all as u64, true));
        let calls = hub.calls.lock().unwrap();
        assert!(calls.iter().all(|findings| *findings <= 100) && calls.iter().sum::<usize>() == all);
    }

    #[test]
    fn a_throttled_call_is_repeated_with_growing_pauses() {
        let throttled = || -> Answer { Box::new(|_| Err(PortErrorKind::Throttled)) };
        let (hub, clock) = (ScriptedHub::new(vec![throttled(), throttled()]), CountingClock::default());
        assert!(import(&hub, &clock).unwrap().is_complete());
        assert_eq!(*clock.0.lock().unwrap(), Duration::from_secs(3));
    }

    #[test]
    fn a_failure_says_how_many_were_imported() {
        let hub = ScriptedHub::new(vec![Box::new(|_| Err(PortErrorKind::AccessDenied))]);
        let error = import(&hub, &CountingClock::default()).unwrap_err();
        assert_eq!((error.total, error.imported), (10, 0));
        assert!(error.to_string().starts_with("of 10 findings 0 were imported"), "{error}");
    }

    #[test]
    fn findings_refused_for_a_moment_are_sent_again_and_invalid_ones_are_listed() {
        let hub = ScriptedHub::new(vec![refuse(3, "InternalException")]);
        assert!(import(&hub, &CountingClock::default()).unwrap().is_complete());
        assert_eq!(*hub.calls.lock().unwrap(), [10, 3]);
        let hub = ScriptedHub::new(vec![refuse(2, "InvalidInput")]);
        let summary = import(&hub, &CountingClock::default()).unwrap();
        assert_eq!((summary.sent, summary.imported, summary.refused.len()), (10, 8, 2));
        assert_eq!((summary.unconfirmed(), summary.is_complete()), (0, false));
        assert_eq!(*hub.calls.lock().unwrap(), [10]);
    }

    #[test]
    fn findings_without_an_answer_are_not_counted_as_imported() {
        let hub =
            ScriptedHub::new(vec![Box::new(|_| Ok(ImportResponse { imported: 4, ..Default::default() }))]);
        let summary = import(&hub, &CountingClock::default()).unwrap();
        assert_eq!((summary.unconfirmed(), summary.is_complete()), (6, false));
    }
}
