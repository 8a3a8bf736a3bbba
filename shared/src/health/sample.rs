//! Values for tests: healthy, and changed in one thing.
//!
//! Enters: nothing. Leaves: [`HealthInputs`] and [`Health`]. Law: they are the same every time.

use super::*;
use crate::{coverage::IntegrityHours, finding::Severity};

pub const NOW: Time = Time(1_800_000_000);

/// Everything is known, and as it should be.
pub fn inputs() -> HealthInputs {
    let ago = |seconds: u32| Time(NOW.0 - seconds);
    let worker = |name: &str, schedule, metrics: &[(&str, f64)]| WorkerRun {
        name: name.to_owned(),
        schedule,
        ended_at: Some(ago(60)),
        succeeded_at: Some(ago(60)),
        error: None,
        notes: Vec::new(),
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    };
    HealthInputs {
        now: NOW,
        max_age_seconds: 18_000,
        write_queue: HealthInput::Known(WriteQueue { noun: "item", entries: 2, oldest: Some(ago(90)) }),
        workers: HealthInput::Known(vec![
            worker(
                "pull",
                WorkerSchedule::Every(3_600),
                &[("lag", 900.0), ("records", 12.0), ("duration", 1.5)],
            ),
            worker("ingest", WorkerSchedule::OnEvent, &[("lag", 4.0), ("read", 1_000.0), ("stored", 300.0)]),
            worker("report", WorkerSchedule::Every(3_600), &[("score", 99.5), ("risk", 3.0)]),
        ]),
        audit_store: HealthInput::Known(AuditStoreSize { objects: 7, bytes: 2_400_000, is_complete: true }),
        rate_limits: HealthInput::Known(RateLimitActivity {
            hours: 24,
            blocked: 0,
            active_sources: Some(3),
            lookups: Some((1, 10)),
        }),
        findings: HealthInput::Known(OpenFindings { by_severity: [(Severity::Low, 2)].into() }),
        query_cache: HealthInput::Known(CacheUsage { entries: 0, capacity: 256, hits: 3, queries: 4 }),
        logging: HealthInput::Known(LoggingState { changes: 0, expected_hours: 24, observed_hours: 24 }),
        digests: HealthInput::Known(DigestState {
            quiet_hours: 2,
            verified: Some(IntegrityHours { verified: 24, unverified: 0, missing: 0, tampered: 0 }),
        }),
        dead_letters: HealthInput::Known(DeadLetterCount { missing_objects: 0, parked_reports: 0 }),
        coverage: HealthInput::Known(CoverageState {
            observed_until: ago(7_200),
            place: "111122223333 us-east-1".to_owned(),
            places: 3,
        }),
        catalog_date: HealthInput::Known(ago(86_400 * 10)),
        open_breakers: HealthInput::Known(Vec::new()),
        recent_errors: HealthInput::Known(Vec::new()),
        account: Some("111122223333".to_owned()),
        monitoring: MonitoringSettings::default(),
    }
}

pub fn healthy() -> Health {
    judge(&inputs())
}

pub fn warning() -> Health {
    let dead_letters = HealthInput::Known(DeadLetterCount { missing_objects: 1, parked_reports: 0 });
    judge(&HealthInputs { dead_letters, ..inputs() })
}

pub fn critical() -> Health {
    let write_queue = HealthInput::Known(WriteQueue { noun: "item", entries: 801, oldest: None });
    judge(&HealthInputs { write_queue, ..inputs() })
}

pub fn unknown() -> Health {
    judge(&HealthInputs { digests: HealthInput::Unknown("AccessDenied".to_owned()), ..inputs() })
}

pub fn digests_without_verification() -> Health {
    let digests = HealthInput::Known(DigestState { quiet_hours: 3, verified: None });
    judge(&HealthInputs { digests, ..inputs() })
}

/// With text of an attacker wherever text may be.
pub fn hostile() -> Health {
    const TEXT: &str = "a|b\nc\"d\\e\u{1b}[2J\u{202e}é{}'; 'x'=1;2;3";
    let mut inputs = inputs();
    if let HealthInput::Known(workers) = &mut inputs.workers {
        for worker in workers {
            worker.error = Some(TEXT.to_owned());
            worker.succeeded_at = None;
            worker.metrics.insert(TEXT.to_owned(), 1.0);
            worker.metrics.insert("not finite".to_owned(), f64::INFINITY);
        }
    }
    inputs.digests = HealthInput::Unknown(TEXT.to_owned());
    inputs.open_breakers =
        HealthInput::Known(vec![OpenBreaker { operation: TEXT.to_owned(), opened_at: Time(0) }]);
    judge(&inputs)
}
