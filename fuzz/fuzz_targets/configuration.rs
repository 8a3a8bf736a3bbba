//! Enters: text of a configuration file. Law: the text is parsed or rejected with at least one problem, and a parsed
//! configuration that is written and parsed again is equal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use onlooker_core::config::Config;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Config::from_toml(text, "onlooker.toml") {
        Ok(config) => {
            let written = config.to_toml().expect("a configuration can be written");
            assert_eq!(Config::from_toml(&written, "again").expect("a written configuration can be parsed"), config);
        }
        Err(error) => assert!(!error.problems.is_empty()),
    }
});
