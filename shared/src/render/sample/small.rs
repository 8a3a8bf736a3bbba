//! The smaller sample reports.
//!
//! Enters: nothing. Leaves: a kept promise, insufficient evidence, a discovery, and a report without evidence.

use super::{
    base::{base_result, finish_report},
    builders::*,
    matrix, non_compliant,
};
use crate::{
    config::Standard,
    controls::ControlState,
    coverage::EventClassState,
    finding::Severity,
    report::{Behavior, Report, ReportMode},
    score::{RiskFactors, Status},
};

/// A kept promise over a month.
pub fn compliant() -> Report {
    let mut r = base_result(
        ReportMode::Proof,
        Some(Status::Compliant),
        "Watched principals made 1,234,619 calls. Each was read-only, allowed by an override or not carried out by AWS, and no evidence is missing. This covers the event classes data, management-read, management-write.",
    );
    r.coverage = coverage(
        720,
        vec![
            place("111122223333", "eu-central-1", 912_331, 720, &[]),
            place("111122223333", "us-east-1", 1_200, 720, &[]),
        ],
        EventClassState::Configured,
    );
    r.principals = vec![principal(
        AUDITOR,
        Some(Status::Compliant),
        Behavior::OnlyRead,
        [[1_234_567, 12, 40], [0; 3], [0; 3], [0; 3]],
    )];
    r.principals[0].matrix = Some(matrix::inventory());
    r.controls =
        vec![control("CC6.1", "Access to systems is restricted.", ControlState::Pass, "Complete evidence.")];
    r.inputs.watched = strings(&[AUDITOR]);
    finish_report(r, Some(&RiskFactors::default()))
}

/// No broken promise, and large gaps in the evidence of many accounts and regions.
pub fn insufficient() -> Report {
    let mut r = base_result(
        ReportMode::Proof,
        Some(Status::InsufficientEvidence),
        "Watched principals made 3,435 calls. None of them breaks the promise, but the evidence is not sufficient to prove it.",
    );
    let mut places = vec![];
    for n in 0..14_u32 {
        let gaps: &[(u32, u32)] = match n {
            3 => &[(0, 720)],
            7 => &[(10, 11), (100, 200)],
            9 => &[(719, 720)],
            _ => &[],
        };
        places.push(place(
            &format!("{:012}", 100 + n / 2),
            if n % 2 == 0 { "ap-southeast-2" } else { "us-gov-west-1" },
            40,
            720,
            gaps,
        ));
    }
    r.coverage = coverage(720, places, EventClassState::Gap);
    for n in 0..30 {
        let arn = format!("arn:aws:iam::000000000100:role/fleet/Reader{n:02}");
        r.principals.push(principal(
            &arn,
            Some(Status::InsufficientEvidence),
            Behavior::OnlyRead,
            [[100 + n, 0, 0], [0; 3], [0; 3], [0; 3]],
        ));
        r.inputs.watched.push(arn);
    }
    r.findings = vec![finding(
        "missing-hours",
        Severity::Medium,
        "Hours of an account and region have no evidence",
        None,
        "000000000101 us-gov-west-1",
        720,
    )];
    r.summary.top_actions = strings(&["Find the missing log files."]);
    r.limitations = strings(&["There is no evidence for 821 of 10,080 account-region hours."]);
    finish_report(r, Some(&RiskFactors { evidence_gaps: 822, ..RiskFactors::default() }))
}

/// No principal is watched.
pub fn discovery() -> Report {
    let mut r = base_result(
        ReportMode::Discovery,
        None,
        "No principal is watched, so compliance is not assessed. The evidence shows 5,305 calls by 6 principals.",
    );
    let proof = non_compliant().result;
    r.coverage = proof.coverage;
    r.principals = proof.principals.into_iter().filter(|principal| principal.calls > 0).collect();
    for principal in &mut r.principals {
        (principal.watched_as, principal.watched_because, principal.status) = (None, None, None);
        principal.status_reasons = Vec::new();
        (principal.evidence_accounts, principal.unconcerned_gaps) = (None, None);
        principal.matrix = None;
    }
    r.operations = proof.operations;
    r.standard = Standard::General;
    r.standard_title = "Onlooker's own controls".to_owned();
    r.limitations = proof.limitations;
    finish_report(r, None)
}

/// No evidence and no watched principal.
pub fn empty() -> Report {
    finish_report(base_result(ReportMode::Discovery, None, "The evidence holds no events."), None)
}
