//! What verification costs beside inflating and hashing the same files.
//!
//! Enters: a folder, and how many hours and log files an hour it has (720 and 28). Leaves: the trail in the folder, unless it is
//! there, and two figures of CPU time: of libdeflate and sha2 alone over all files, and of verifying them. One thread.
//!
//! `cargo run --release -p test-support --example verify_speed -- target/month`

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "for tests")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use libdeflater::Decompressor;
use onlooker_core::{
    jobs::{gather::GatherOptions, verify_trail::TrailReader},
    log_integrity::{Selection, VerificationTask, parse_head_objects, verify},
    ports::LogSource as _,
    record::ReadLimits,
    time::{HOUR_SECONDS, Time},
};
use onlooker_local::{local_files::LocalFiles, rsa_signature::is_signature};
use sha2::{Digest as _, Sha256};
use test_support::signed_trail::{ChainSpec, SignedTrail, signing::TestKey};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, otherwise: u32| args.get(at).map_or(otherwise, |text| text.parse().unwrap());
    let folder = PathBuf::from(args.first().map_or("month", String::as_str));
    let spec = ChainSpec {
        hours: number(1, 720),
        log_files_per_hour: number(2, 28),
        records: 440,
        ..ChainSpec::six_hours()
    };
    if !folder.join("signatures.json").exists() {
        let mut trail = SignedTrail::default();
        trail.deliver(&spec, &TestKey::cloudtrail());
        trail.write(&folder.join("logs"));
        fs::write(folder.join("signatures.json"), trail.head_objects()).unwrap();
    }
    for _ in 0..3 {
        let (alone, files, bytes) = inflate_and_hash(&folder);
        let (verified, totals) = verify_all(&folder, &spec);
        println!(
            "{files} files, {:.2} GB inflated: {alone:.2} s of CPU to inflate and hash, {verified:.2} s to verify ({:.2} times); {totals}",
            bytes as f64 / 1e9,
            verified / alone
        );
    }
}

fn inflate_and_hash(folder: &std::path::Path) -> (f64, usize, u64) {
    let begin = cpu_seconds();
    let source = LocalFiles::new([folder.join("logs").to_string_lossy()]);
    let (mut decompressor, mut stored, mut text) = (Decompressor::new(), Vec::new(), vec![0; 1 << 20]);
    let (mut bytes, mut all) = (0, 0_u8);
    let objects = source.list().unwrap();
    for object in &objects {
        source.fetch(object, u64::MAX, &mut stored).unwrap();
        let size = decompressor.gzip_decompress(&stored, &mut text).unwrap();
        bytes += size as u64;
        all ^= Sha256::digest(&text[..size])[0];
    }
    std::hint::black_box(all);
    (cpu_seconds() - begin, objects.len(), bytes)
}

fn verify_all(folder: &std::path::Path, spec: &ChainSpec) -> (f64, String) {
    let begin = cpu_seconds();
    let source = LocalFiles::new([folder.join("logs").to_string_lossy()]);
    let options = GatherOptions { threads: 1, limits: ReadLimits::default(), hash_content: false };
    let until = Time(spec.start.0 + spec.hours * HOUR_SECONDS);
    let mut reader = TrailReader::open(&source, None, None, until, options, &|_, _| ()).unwrap();
    let signatures = fs::read_to_string(folder.join("signatures.json")).unwrap();
    reader.files.add_metadata(parse_head_objects(&signatures).unwrap());
    let keys = TestKey::cloudtrail().published();
    let task = VerificationTask {
        since: None,
        until: Some(until),
        now: Time(until.0 + 3 * HOUR_SECONDS),
        selection: &Selection::default(),
        keys: &keys,
        listed_regions: &BTreeSet::new(),
        check: &is_signature,
    };
    let hashes = reader.hash_log_files(task, &|_, _| ());
    let result = verify(&reader.files, &hashes, task);
    let digests = result.totals.digests_verified;
    (cpu_seconds() - begin, format!("{:?}, {digests} digest files", result.result))
}

/// CPU time of this process, from `/proc/self/stat`, in which a tick is 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
