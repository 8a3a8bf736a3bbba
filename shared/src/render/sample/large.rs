//! A report that is too large for a page.
//!
//! Enters: the broken promise. Leaves: a thousand principals and more, thousands of findings, a year, many accounts
//! and regions; a report that is larger still; and one that is large in its findings alone.

use super::{builders::*, matrix, non_compliant};
use crate::{
    coverage::EventClassState,
    finding::Finding,
    hex::hex,
    report::{InputFile, Report},
    time::Hour,
};

/// A thousand principals and more, thousands of findings, a year, many accounts and regions. Every watched principal
/// that was seen has the policies of an administrator.
pub fn large() -> Report {
    of_size(1_200, 4_800, 2_000)
}

/// Five thousand principals with few hours each and ten thousand findings.
pub fn very_large() -> Report {
    of_size(5_000, 10_000, 40)
}

fn of_size(principals: u32, findings: u32, hours_of_each: u32) -> Report {
    let a_principal = findings / principals;
    let mut report = non_compliant();
    let result = &mut report.result;
    let templates = result.principals.clone();
    result.principals = (0..principals)
        .map(|n| {
            let mut principal = templates[n as usize % templates.len()].clone();
            let account = 100_000_000_000 + u64::from(n % 60);
            principal.arn =
                format!("arn:aws:iam::{account:012}:role/team-{:03}/service-{n:04}", n % 90).into();
            principal.hours = (0..hours_of_each)
                .map(|k| (Hour(START.0 + k * 4), 1 + u64::from((n + k) * 13 % 50)))
                .collect();
            principal.findings = (0..a_principal).map(|k| fingerprint(n * a_principal + k)).collect();
            principal.calls += u64::from(n);
            principal.regions = (0..17).map(|k| format!("region-{k}").into()).collect();
            if n < 1_200 {
                principal.matrix = principal.matrix.map(|_| matrix::administrator());
            }
            principal
        })
        .collect();
    let template = result.findings.clone();
    result.findings = (0..findings)
        .map(|n| {
            let mut finding = template[n as usize * template.len() / findings as usize].clone();
            finding.fingerprint = fingerprint(n);
            finding.principal = Some(result.principals[(n / a_principal) as usize].arn.clone());
            finding
        })
        .collect();
    let hours = 24 * 365;
    let places = (0..400_u32).map(|n| {
        let gaps: Vec<(u32, u32)> = (0..n % 90).map(|k| (k * 90, k * 90 + 3)).collect();
        let region = ["eu-central-1", "eu-west-1", "us-east-1"][n as usize % 3];
        place(&format!("{:012}", 100_000_000_000 + u64::from(n / 10)), region, n.into(), hours, &gaps)
    });
    result.coverage = coverage(hours, places.collect(), EventClassState::Seen);
    result.activity = activity(hours, true);
    result.audit_entries = result.audit_entries.iter().cycle().take(5_000).cloned().collect();
    result.operations = result.operations.iter().cycle().take(900).cloned().collect();
    report.run.input_files = (0..10_000_u32)
        .map(|n| InputFile {
            file: format!("AWSLogs/111122223333/CloudTrail/{n:05}.json.gz"),
            bytes: 9_000 + u64::from(n),
            sha256: hex(&sha256("input", &n.to_string())),
            records: 42,
        })
        .collect();
    Report::new(report.result, report.run).unwrap()
}

/// The broken promise with this number of findings, all else as it is.
pub fn many_findings(count: u32) -> Report {
    let mut report = non_compliant();
    let templates = report.result.findings.clone();
    report.result.findings = (0..count)
        .zip(templates.iter().cycle())
        .map(|(n, template)| Finding { fingerprint: fingerprint(n), ..template.clone() })
        .collect();
    Report::new(report.result, report.run).unwrap()
}

fn fingerprint(n: u32) -> String {
    hex(&sha256("finding", &n.to_string())[..16])
}
