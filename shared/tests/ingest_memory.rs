//! The memory that one large log file takes. The test is alone in its process, because it measures the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use onlooker_core::{
    config::Config,
    event::EventId,
    jobs::{
        evidence::EvidenceStore,
        ingest::{IngestMessage, ingest},
    },
    time::Time,
};
use onlooker_local::{directory_store::DirectoryStore, local_files::LocalFiles, sqlite_table::SqliteTable};
use serde_json::json;

/// The memory of a function of 128 MB, in KiB.
const MEMORY_LIMIT_KIB: u64 = 128 << 10;

#[test]
fn an_object_that_inflates_to_fifty_megabytes_is_ingested_in_128() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("log.json.gz");
    let mut file = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    let (mut length, mut records) = (12, 0_u32);
    write!(file, "{{\"Records\":[").unwrap();
    while length < 50_000_000 {
        let noise = u128::from(records).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let record = json!({
            "eventVersion": "1.11", "eventTime": Time(1_791_244_800 + records % 3_600).to_string(),
            "userIdentity": {
                "type": "AssumedRole", "principalId": format!("AROA:{}", records % 500), "accountId": "111122223333",
                "arn": format!("arn:aws:sts::111122223333:assumed-role/Reader/{}", records % 500)
            },
            "eventSource": "ec2.amazonaws.com", "eventName": format!("Describe{}", records % 90), "readOnly": true,
            "awsRegion": "us-east-1", "eventID": EventId(noise).to_string(),
            "recipientAccountId": "111122223333", "requestParameters": { "padding": format!("{noise:032x}").repeat(16) }
        })
        .to_string();
        if records > 0 {
            file.write_all(b",").unwrap();
        }
        file.write_all(record.as_bytes()).unwrap();
        length += record.len() + 1;
        records += 1;
    }
    file.write_all(b"]}").unwrap();
    file.finish().unwrap();

    let table = SqliteTable::open(&home.path().join("table.db")).unwrap();
    let store = DirectoryStore::new(home.path().join("store"));
    let body = json!({ "bucket": "b", "key": "k" }).to_string();
    let message = IngestMessage { id: "1".to_owned(), body, sent_at: Time(1_791_248_400), receive_count: 1 };
    let source = SingleFileSource(LocalFiles::new([path.to_string_lossy()]));
    let ingested = ingest(
        &source,
        &EvidenceStore::new(&table, &store),
        &Config::default(),
        &Unhurried,
        &[message],
        None,
    )
    .unwrap();
    assert_eq!((ingested.statistics.tallied, ingested.failed.len()), (u64::from(records), 0));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MEMORY_LIMIT_KIB, "peak of {peak} KiB, limit {MEMORY_LIMIT_KIB}");
}

/// A clock of a run without a deadline.
struct Unhurried;

impl onlooker_core::ports::Clock for Unhurried {
    fn now(&self) -> Time {
        Time(1_791_248_400)
    }

    fn remaining(&self) -> std::time::Duration {
        std::time::Duration::MAX
    }

    fn sleep(&self, _: std::time::Duration) {}
}

/// A source of one file, under every name.
struct SingleFileSource(LocalFiles);

impl onlooker_core::ports::LogSource for SingleFileSource {
    fn list(&self) -> Result<Vec<onlooker_core::ports::StoredObject>, onlooker_core::ports::PortError> {
        self.0.list()
    }

    fn fetch(
        &self,
        _: &onlooker_core::ports::StoredObject,
        most: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<String, onlooker_core::ports::PortError> {
        self.0.fetch(&self.0.list()?.remove(0), most, bytes)
    }
}
