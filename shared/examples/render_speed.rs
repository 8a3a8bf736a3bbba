//! Measures formats of a large report: `render_speed REPORT FINDINGS PRINCIPALS FORMAT...`.
//!
//! REPORT is a `report.json`, whose findings and principals are repeated under other names. Prints for each format how long it takes to
//! render, and how long the files are.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool, not shipped")]

use std::{env, fs, time::Instant};

use onlooker_core::{
    render::{Format, render},
    report::Report,
};

fn main() {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().unwrap();
    let mut report: Report = serde_json::from_str(&fs::read_to_string(next()).unwrap()).unwrap();
    let (findings, principals): (usize, usize) = (next().parse().unwrap(), next().parse().unwrap());
    let name = |n: usize| format!("arn:aws:iam::111122223333:role/Role{}", n % principals);
    let result = &mut report.result;
    let all = std::mem::take(&mut result.findings);
    result.findings = all.iter().cycle().take(findings).cloned().collect();
    for (n, finding) in result.findings.iter_mut().enumerate() {
        finding.fingerprint = format!("{n:032x}");
        finding.principal = finding.principal.as_ref().map(|_| name(n).into());
    }
    // A rule has its findings together, as in a report.
    result.findings.sort_by(|a, b| (b.severity, &a.id).cmp(&(a.severity, &b.id)));
    let all = std::mem::take(&mut result.principals);
    result.principals = all.iter().cycle().take(principals).cloned().collect();
    for (n, principal) in result.principals.iter_mut().enumerate() {
        principal.arn = name(n).into();
    }
    for format in arguments {
        let format = Format::named(&format).unwrap();
        let began = Instant::now();
        let files = render(&report, format).unwrap();
        let (ms, bytes) =
            (began.elapsed().as_secs_f64() * 1e3, files.iter().map(|file| file.bytes.len()).sum::<usize>());
        println!(
            r#"{{"format":"{}","findings":{findings},"principals":{principals},"ms":{ms:.0},"bytes":{bytes}}}"#,
            format.name
        );
    }
}
