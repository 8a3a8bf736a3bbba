//! Enters: text of a signed certificate. Law: without a signature that is accepted it is never opened; an opened one is a statement of
//! the expected type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_core::{
    attestation::Statement,
    certificate::{ReadOnlyCertificate, PREDICATE_TYPE},
};

fuzz_target!(|bytes: &[u8]| {
    let open = |accepts: bool| {
        Statement::<ReadOnlyCertificate>::open(bytes, PREDICATE_TYPE, &|_, _| accepts)
    };
    assert!(open(false).is_err());
    if let Ok(statement) = open(true) {
        assert_eq!(statement.predicate_type, PREDICATE_TYPE);
    }
});
