//! What verifying log files costs in the pass of a sweep.
//!
//! Enters: a folder with a signed trail as `verify_speed` makes it, and the command line. Leaves: figures of CPU time (user and
//! system) of `onlooker sweep`, of `onlooker verify trail`, and of `onlooker sweep --verify-logs`, each without a state and
//! on one thread.
//!
//! `cargo run --release -p test-support --example sweep_speed -- target/month target/release/onlooker`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "for tests")]

use std::{fs, path::Path, process::Command};

use test_support::signed_trail::signing::TestKey;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (folder, binary) = (Path::new(&args[0]), &args[1]);
    fs::write(folder.join("keys.json"), TestKey::cloudtrail().published().to_json()).unwrap();
    let period = ["--since=2026-10-05T01:00:00Z", "--until=2026-11-03T00:00:00Z"];
    let verify = ["--public-keys=keys.json", "--signatures=signatures.json"];
    let common = ["--no-state", "--threads=1"];
    for _ in 0..3 {
        let run = |command: &[&str]| {
            let before = cpu_seconds();
            let output = Command::new(binary)
                .current_dir(folder)
                .args(command)
                .args(period)
                .args(common)
                .output()
                .unwrap();
            (cpu_seconds() - before, output.status.code().unwrap())
        };
        let (sweep, sweep_code) = run(&["sweep", "logs", "--format=json"]);
        let (trail, trail_code) = run(&["verify", "trail", "logs", verify[0], verify[1]]);
        let (both, both_code) =
            run(&["sweep", "logs", "--format=json", "--verify-logs", verify[0], verify[1]]);
        println!(
            "CPU: sweep {sweep:.2} s, verify trail {trail:.2} s, together {:.2} s; sweep --verify-logs {both:.2} s ({:.2} times both, {:.2} times the sweep); exit codes {sweep_code}, {trail_code}, {both_code}",
            sweep + trail,
            both / (sweep + trail),
            both / sweep
        );
    }
}

/// CPU time of the processes that this one waited for, from `/proc/self/stat`, in which a tick is 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(13) + ticks(14)) / 100.0
}
