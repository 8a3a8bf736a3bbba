//! Enters: bytes of an evidence segment. Law: they are rejected, or the parsed segment round-trips through bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_core::segment::Segment;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(segment) = Segment::from_bytes(bytes) {
        assert_eq!(Segment::from_bytes(&segment.to_bytes()).as_ref(), Ok(&segment));
    }
});
