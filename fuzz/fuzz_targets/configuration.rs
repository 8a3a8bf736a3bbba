//! Text of a configuration file: whatever it is, it is read or refused with the line, and what was read can be
//! written and read again.
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
            assert_eq!(Config::from_toml(&written, "again").expect("what was written can be read"), config);
        }
        Err(error) => assert!(!error.problems.is_empty()),
    }
});
