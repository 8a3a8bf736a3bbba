//! Enters: bytes of the archive of a backup, not compressed. Law: the archive is refused, or each entry has a name below the folder that
//! is restored, in order, and the size that it says.
#![no_main]

use std::{convert::Infallible, io};

use libfuzzer_sys::fuzz_target;
use onlooker_core::backup::{BackupKind, read_archive};

fuzz_target!(|bytes: &[u8]| {
    let mut last = String::new();
    let _ = read_archive::<Infallible>(BackupKind::Evidence, bytes, &mut |entry, content| {
        let name = entry.name.as_str().to_owned();
        assert!(!name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | "..")), "{name}");
        assert!(last < name, "{last} {name}");
        let read = io::copy(content, &mut io::sink()).unwrap_or(u64::MAX);
        assert!(read == entry.bytes || read == u64::MAX);
        last = name;
        Ok(())
    });
});
