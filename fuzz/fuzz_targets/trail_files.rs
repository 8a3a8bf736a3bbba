//! Enters: text of a digest file, of the answers of `head-object`, or of a list of public keys. Law: the text is parsed or refused, and
//! keys that are written and parsed again are equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_core::log_integrity::{DigestFile, PublicKeys, parse_head_objects};

fuzz_target!(|bytes: &[u8]| {
    let _ = DigestFile::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = parse_head_objects(text);
    if let Ok(keys) = PublicKeys::parse(text) {
        let again = PublicKeys::parse(&keys.to_json()).expect("written keys can be parsed");
        assert_eq!(again.len(), keys.len());
    }
});
