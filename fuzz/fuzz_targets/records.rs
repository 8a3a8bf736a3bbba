//! Enters: bytes of a log file. Law: reading ends, and its counts add up.
//!
//! `cargo fuzz run records`, or without `cargo-fuzz`:
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cdebug-assertions" \
//!   cargo run --release --manifest-path fuzz/Cargo.toml --target x86_64-unknown-linux-gnu --bin records -- -max_total_time=60
//! ```
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_core::{jobs::gather::read_object, record::ReadLimits, segment::Segment};

fuzz_target!(|bytes: &[u8]| {
    let gathered = read_object("object", bytes, ReadLimits { max_inflated_bytes: 1 << 20 });
    let (segment, reading) = (gathered.segment, gathered.statistics);
    assert_eq!(reading.records, reading.tallied + reading.duplicate + reading.unreadable + reading.insight_events);
    assert!(segment.unreadable().len() as u64 <= reading.unreadable);
    assert_eq!(Segment::from_bytes(&segment.to_bytes()).as_ref(), Ok(&segment));
    assert_eq!(segment.clone().merge(segment.clone()), segment);
});
