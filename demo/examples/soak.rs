//! Sweeps a trail of any size that is generated while it is read: `soak RECORDS THREADS [STATE]`. Prints a line of JSON.
//!
//! `generate` in place of the state only generates the log files, so that their cost can be subtracted. `ONLOOKER_LIMITS_MEMORY_EVENTS` is
//! the number of events in memory.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "an example, which the test script reads")]

use std::{env, fs, path::Path, time::Instant};

use onlooker_core::{
    catalog::Catalog,
    config::{Config, Standard, Watch},
    controls::ControlPack,
    grants::PolicyHistory,
    jobs::{
        evaluation::EvaluationCriteria,
        evidence_pool::Spill,
        gather::GatherOptions,
        sweep::{Exclusion, SweepTask, sweep},
    },
    ports::LogSource as _,
    record::ReadLimits,
    render::json::json,
    report::ReportRun,
};
use onlooker_demo::DemoTrail;
use onlooker_local::{sweep_state::SweepState, temporary_file::TemporaryFile};

fn main() {
    let mut arguments = env::args().skip(1);
    let mut number =
        || arguments.next().and_then(|text| text.parse().ok()).expect("soak RECORDS THREADS [STATE]");
    let (records, threads) = (number(), number());
    let state = arguments.next();
    let trail = DemoTrail::benchmark(records, 8, 1).generated();
    let began = Instant::now();
    let (mut read, mut duplicates, mut report_bytes) = (0, 0, 0);
    if state.as_deref() == Some("generate") {
        let mut bytes = Vec::new();
        for object in trail.list().expect("a list") {
            trail.fetch(&object, u64::MAX, &mut bytes).expect("a log file");
            read += bytes.len() as u64;
        }
    } else {
        let mut kept =
            state.as_deref().map(|state| SweepState::open(Path::new(state), "soak").expect("a state"));
        let pack = ControlPack::built_in(Standard::General).expect("a pack");
        let mut config = Config::default();
        config.watch.push(Watch::new("arn:aws:iam::*:role/*Read*").expect("a pattern"));
        let events = env::var("ONLOOKER_LIMITS_MEMORY_EVENTS").ok().and_then(|text| text.parse().ok());
        let events = events.unwrap_or(config.limits.memory_events);
        let task = SweepTask {
            criteria: EvaluationCriteria {
                config: &config,
                catalog: Catalog::embedded(),
                pack: &pack,
                policies: PolicyHistory::empty(),
                integrity: None,
            },
            since: None,
            until: None,
            gather_options: GatherOptions { threads, limits: ReadLimits::default(), hash_content: false },
            spill: Some(Spill { events, open: &TemporaryFile::open }),
            exclude: Exclusion::NONE,
            audit: None,
            reuses_report: false,
            verification: None,
        };
        let report =
            sweep(&trail, kept.as_mut(), task, ReportRun::default(), &|_| ()).expect("a report").report;
        assert_eq!(
            report.result.totals.events + report.run.duplicates,
            records as u64,
            "each record counts once"
        );
        assert_eq!(report.run.duplicates, trail.duplicates());
        (read, duplicates) = (report.run.bytes_read, report.run.duplicates);
        report_bytes = json(&report).expect("JSON").len();
    }
    println!(
        "{{\"records\":{records},\"wall_s\":{:.2},\"cpu_s\":{:.2},\"peak_mb\":{},\"read\":{read},\"duplicates\":{duplicates},\"report_bytes\":{report_bytes}}}",
        began.elapsed().as_secs_f64(),
        cpu_seconds(),
        peak_megabytes(),
    );
}

/// User and system time of this process; Linux counts it in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1_024
}
