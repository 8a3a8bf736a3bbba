//! Tests of the trail, based only on its bytes.
//!
//! Enters: objects. Leaves: nothing. Law: these tests parse the objects without the generator and compare them with
//! the expected counts of the scenario.

mod benchmark;
mod faults;
mod format;
mod policies;
mod principals;

use std::sync::LazyLock;

use serde_json::Value;

use super::*;

/// The content of a gzip object; `None` when it cannot be decompressed.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = u32::from_le_bytes(*bytes.last_chunk()?);
    let mut out = vec![0; usize::try_from(size).ok().filter(|&size| size < 1 << 28)?];
    let length = libdeflater::Decompressor::new().gzip_decompress(bytes, &mut out).ok()?;
    out.truncate(length);
    Some(out)
}

fn is_digest(object: &TrailObject) -> bool {
    object.key.contains("/CloudTrail-Digest/")
}

fn records_of(object: &TrailObject) -> Vec<Value> {
    let Some(content) = inflate(&object.bytes) else { return Vec::new() };
    let mut log: Value = serde_json::from_slice(&content).unwrap();
    let Value::Array(records) = log["Records"].take() else { panic!("no records in {}", object.key) };
    records
}

fn demo() -> &'static [TrailObject] {
    static DEMO: LazyLock<Vec<TrailObject>> = LazyLock::new(|| DemoTrail::demo().objects().collect());
    &DEMO
}

fn demo_records() -> &'static [Value] {
    static RECORDS: LazyLock<Vec<Value>> =
        LazyLock::new(|| demo().iter().filter(|object| !is_digest(object)).flat_map(records_of).collect());
    &RECORDS
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn of_role<'a>(records: &'a [Value], role: &str) -> Vec<&'a Value> {
    let issuer =
        |record: &&Value| text(record, "/userIdentity/sessionContext/sessionIssuer/userName") == role;
    records.iter().filter(issuer).collect()
}
