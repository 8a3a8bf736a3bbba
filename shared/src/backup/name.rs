//! Names of backups.
//!
//! Enters: a time and random digits, which the caller has. Leaves: a [`BackupName`]. Laws: names sort by the time at which
//! their backups began; a text is a name only in the form in which names are written.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::time::Time;

/// Number of random hexadecimal digits at the end of a name.
const RANDOM_DIGITS: usize = 12;

/// The name of a backup: `20271104T101530Z-0123456789ab`, the time at which it began and twelve random digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct BackupName(String);

impl BackupName {
    /// The name of a backup that begins at `now`, with the last twelve digits of a random id, such as a UUID of version 7.
    /// An id without so many digits is filled with zeros.
    pub fn new(now: Time, random_id: &str) -> Self {
        let digits: String =
            random_id.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_lowercase();
        let tail = digits.get(digits.len().saturating_sub(RANDOM_DIGITS)..).unwrap_or_default();
        Self(format!("{}-{tail:0>RANDOM_DIGITS$}", compact(now)))
    }

    /// Reads a name; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, random) = text.split_once('-')?;
        let digits = |from: usize, to: usize| time.get(from..to);
        let written = format!(
            "{}-{}-{}T{}:{}:{}Z",
            digits(0, 4)?,
            digits(4, 6)?,
            digits(6, 8)?,
            digits(9, 11)?,
            digits(11, 13)?,
            digits(13, 15)?
        );
        let name = Self::new(Time::parse(&written)?, random);
        (name.0 == text).then_some(name)
    }

    /// When the backup began.
    pub fn time(&self) -> Time {
        let digits = |from: usize, to: usize| self.0.get(from..to).unwrap_or_default();
        let date = format!("{}-{}-{}", digits(0, 4), digits(4, 6), digits(6, 8));
        let time = format!("{}:{}:{}", digits(9, 11), digits(11, 13), digits(13, 15));
        Time::parse(&format!("{date}T{time}Z")).unwrap_or_default()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn compact(time: Time) -> String {
    time.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for BackupName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("this is not the name of a backup"))
    }
}
