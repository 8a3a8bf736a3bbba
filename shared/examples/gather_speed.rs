//! Measures reading: `gather_speed (inflate | check | gather) THREADS PATH...`.
//!
//! Prints one line of JSON: wall and CPU seconds, peak resident memory, records and inflated bytes. `inflate` only
//! inflates each object with libdeflate and is the baseline; `check` adds the UTF-8 check; `gather` does everything
//! up to a finished segment. One process measures one mode, so that CPU time and memory belong to that mode.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool, not shipped")]

use std::{env, fs, time::Instant};

use onlooker_core::{
    jobs::gather::{GatherOptions, gather},
    ports::LogSource,
    record::{Inflater, ReadLimits},
};
use onlooker_local::local_files::LocalFiles;

fn main() {
    let mut arguments = env::args().skip(1);
    let what = arguments.next().unwrap();
    let threads: usize = arguments.next().unwrap().parse().unwrap();
    let files = LocalFiles::new(arguments);
    let limits = ReadLimits::default();
    let start = Instant::now();
    let (records, inflated) = if what == "gather" {
        let gathered =
            gather(&files, GatherOptions { threads, limits, hash_content: false }, &|_| {}).unwrap();
        (gathered.statistics.records, gathered.statistics.inflated_bytes)
    } else {
        let mut inflater = Inflater::default();
        let mut bytes = Vec::new();
        let mut inflated = 0;
        for object in files.list().unwrap() {
            files.fetch(&object, u64::MAX, &mut bytes).unwrap();
            let (text, fault) = inflater.inflate(&bytes, limits.max_inflated_bytes);
            assert!(fault.is_none() && (what != "check" || std::str::from_utf8(text).is_ok()));
            inflated += text.len() as u64;
        }
        (0, inflated)
    };
    let wall = start.elapsed().as_secs_f64();
    let (cpu, peak) = (cpu_seconds(), peak_megabytes());
    println!(
        "{{\"what\":\"{what}\",\"threads\":{threads},\"wall_s\":{wall:.3},\"cpu_s\":{cpu:.2},\"peak_mb\":{peak},\
         \"records\":{records},\"inflated\":{inflated},\"krecords_per_s\":{:.0}}}",
        records as f64 / wall / 1e3
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
