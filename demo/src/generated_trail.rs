//! The benchmark trail as a source of log files, each generated when it is read.
//!
//! Enters: a size. Leaves: log files as JSON. Law: a log file has the content that [`super::DemoTrail::objects`] gives it, without
//! gzip, so that a trail of any size needs no disk.

use onlooker_core::ports::{LogSource, PortError, PortErrorKind, StoredObject};

use super::benchmark::BenchmarkTrail;

/// Log files that are generated when they are read.
#[derive(Debug)]
pub struct GeneratedTrail(pub(super) BenchmarkTrail);

impl GeneratedTrail {
    /// Number of records that repeat another record.
    pub fn duplicates(&self) -> u64 {
        self.0.duplicates()
    }
}

impl LogSource for GeneratedTrail {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let object = |number| StoredObject {
            name: format!("AWSLogs/generated/CloudTrail/{number:08}.json"),
            size: 0,
            version: "1".to_owned(),
        };
        Ok((0..self.0.len()).map(object).collect())
    }

    fn fetch(&self, object: &StoredObject, _: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        let number = object.name.rsplit('/').next().and_then(|name| name.strip_suffix(".json")?.parse().ok());
        let delivery = number.and_then(|number| self.0.delivery(number)).ok_or_else(|| PortError {
            operation: "generate",
            name: object.name.clone(),
            kind: PortErrorKind::NotFound,
            cause: "the trail has no such log file".into(),
        })?;
        *bytes = delivery.content(&self.0.cast).into_bytes();
        Ok(object.version.clone())
    }
}
