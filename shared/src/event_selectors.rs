//! The event classes that a trail is configured to log.
//!
//! Enters: the JSON output of `aws cloudtrail get-event-selectors`, `describe-trails` or `get-trail`. Leaves: a
//! [`TrailSelectors`] for each trail: the event classes that it logs completely, and for which accounts and regions.
//! Laws: a selector that excludes any event of a class does not count for the class; a selector with an unknown field
//! does not count; selectors speak for an account or region only when the trail is known to log its events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Event selectors of a trail.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EventSelectors {
    #[serde(rename = "TrailARN")]
    trail_arn: Option<String>,
    /// Present in the selectors of an event data store, which say nothing about a trail.
    event_data_store_arn: Option<String>,
    event_selectors: Option<Vec<BasicEventSelector>>,
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
}

/// Output of the AWS CLI: event selectors of one trail, or descriptions of trails.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TrailFile {
    #[serde(flatten)]
    selectors: EventSelectors,
    #[serde(rename = "trailList")]
    trail_list: Vec<TrailDescription>,
    #[serde(rename = "Trail")]
    trail: Option<TrailDescription>,
}

/// Description of a trail.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TrailDescription {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    is_multi_region_trail: bool,
    is_organization_trail: bool,
    include_global_service_events: Option<bool>,
    #[serde(rename = "S3BucketName")]
    bucket: Option<String>,
}

/// What is known of a trail from its selectors and its description.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrailSelectors {
    /// ARN of the trail; without one the selectors speak for every account and region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail_arn: Option<String>,
    /// Whether the trail logs every region; `None` if its description was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_multi_region: Option<bool>,
    /// Whether the trail logs every account of the organization; `None` if its description was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_organization: Option<bool>,
    /// Whether the trail leaves out the events of global services.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub excludes_global_services: bool,
    /// Name of the bucket that the trail delivers its log files to; `None` if its description was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Names of the event classes that the trail logs completely.
    pub logged: BTreeSet<String>,
}

/// Why the selectors of trails cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SelectorsError {
    /// The text is not JSON of this shape.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The text has neither selectors nor descriptions of trails.
    #[error(
        "neither event selectors nor trails: pass the output of `aws cloudtrail get-event-selectors` or `aws cloudtrail describe-trails`"
    )]
    Empty,
    /// The text has the selectors of an event data store.
    #[error(
        "the selectors of an event data store, which say nothing about the log files of a trail: pass the output of `aws cloudtrail get-event-selectors`"
    )]
    EventDataStore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BasicEventSelector {
    read_write_type: Option<String>,
    include_management_events: Option<bool>,
    data_resources: Option<Vec<DataResource>>,
    exclude_management_event_sources: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DataResource {
    r#type: String,
    values: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AdvancedEventSelector {
    field_selectors: Vec<AdvancedFieldSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AdvancedFieldSelector {
    field: String,
    equals: Option<Vec<String>>,
    #[serde(flatten)]
    other_operators: serde_json::Map<String, serde_json::Value>,
}

impl TrailSelectors {
    /// Reads the output of the AWS CLI, a text for each file: `get-event-selectors` for each trail, and `describe-trails`
    /// or `get-trail` to say which accounts and regions a trail logs.
    ///
    /// # Errors
    /// The position of the text and the problem, when it is not such output.
    pub fn from_files(texts: &[String]) -> Result<Vec<Self>, (usize, SelectorsError)> {
        let mut trails = Vec::new();
        let mut descriptions: BTreeMap<String, TrailDescription> = BTreeMap::new();
        for (n, text) in texts.iter().enumerate() {
            let file: TrailFile = serde_json::from_str(text).map_err(|error| (n, error.into()))?;
            let selectors = file.selectors;
            let has_selectors =
                selectors.event_selectors.is_some() || selectors.advanced_event_selectors.is_some();
            if selectors.event_data_store_arn.is_some() {
                return Err((n, SelectorsError::EventDataStore));
            }
            if !has_selectors && file.trail_list.is_empty() && file.trail.is_none() {
                return Err((n, SelectorsError::Empty));
            }
            if has_selectors {
                let logged = selectors.logged_classes();
                trails.push(Self { trail_arn: selectors.trail_arn, logged, ..Self::default() });
            }
            let described = file.trail_list.into_iter().chain(file.trail);
            descriptions.extend(described.map(|trail| (trail.trail_arn.clone(), trail)));
        }
        for trail in &mut trails {
            if let Some(described) = trail.trail_arn.as_ref().and_then(|arn| descriptions.get(arn)) {
                trail.is_multi_region = Some(described.is_multi_region_trail);
                trail.is_organization = Some(described.is_organization_trail);
                trail.bucket.clone_from(&described.bucket);
                trail.excludes_global_services = described.include_global_service_events == Some(false);
            }
        }
        Ok(trails)
    }

    /// Whether it is known to be the trail of an organization, in this account.
    pub fn is_of_organization(&self, account: &str) -> bool {
        let owner = self.trail_arn.as_deref().and_then(|arn| arn.split(':').nth(4));
        self.is_organization == Some(true) && owner == Some(account)
    }

    /// Whether the trail is known to log events of the account and region.
    pub fn covers(&self, account: &str, region: &str) -> bool {
        self.is_of(account, region, self.is_multi_region.unwrap_or(false))
    }

    /// Whether the trail may log events of the account and region: without its description it may log every region.
    pub fn may_cover(&self, account: &str, region: &str) -> bool {
        self.is_of(account, region, self.is_multi_region.unwrap_or(true))
    }

    /// Whether it is known to log events of the account in one region only.
    pub fn is_of_one_region(&self, account: &str) -> bool {
        self.is_multi_region == Some(false) && self.is_of(account, "", true)
    }

    fn is_of(&self, account: &str, region: &str, is_multi_region: bool) -> bool {
        let Some(arn) = &self.trail_arn else { return true };
        let part = |n| arn.split(':').nth(n).unwrap_or_default();
        let of_account = part(4) == account || self.is_organization == Some(true);
        of_account && (is_multi_region || part(3) == region)
    }
}

impl EventSelectors {
    /// Names of the event classes that are logged completely.
    fn logged_classes(&self) -> BTreeSet<String> {
        let mut logged = BTreeSet::new();
        for basic in self.event_selectors.iter().flatten() {
            basic.add_logged_classes(&mut logged);
        }
        for advanced in self.advanced_event_selectors.iter().flatten() {
            advanced.add_logged_classes(&mut logged);
        }
        logged
    }
}

/// Adds the classes of a kind's reads, writes or both.
fn add_classes(logged: &mut BTreeSet<String>, kind: &str, of: &str, reads: bool, writes: bool) {
    let of = if of.is_empty() { String::new() } else { format!(":{of}") };
    logged.extend(reads.then(|| format!("{kind}-read{of}")));
    logged.extend(writes.then(|| format!("{kind}-write{of}")));
}

impl BasicEventSelector {
    fn add_logged_classes(&self, logged: &mut BTreeSet<String>) {
        // The defaults of CloudTrail: management events, reads and writes.
        let kind = self.read_write_type.as_deref().unwrap_or("All");
        let (reads, writes) = (matches!(kind, "All" | "ReadOnly"), matches!(kind, "All" | "WriteOnly"));
        let excludes =
            self.exclude_management_event_sources.as_ref().is_some_and(|sources| !sources.is_empty());
        if self.include_management_events.unwrap_or(true) && !excludes {
            add_classes(logged, "management", "", reads, writes);
        }
        for data in self.data_resources.iter().flatten() {
            // An ARN of only the service means every resource of the type.
            let all = |value: &String| {
                value.starts_with("arn:") && value.trim_end_matches(':').split(':').count() == 3
            };
            if data.values.iter().any(all) {
                add_classes(logged, "data", &data.r#type, reads, writes);
            }
        }
    }
}

impl AdvancedEventSelector {
    fn add_logged_classes(&self, logged: &mut BTreeSet<String>) {
        let only = |name: &str| {
            let mut found = self.field_selectors.iter().filter(|selector| selector.field == name);
            match (found.next(), found.next()) {
                (Some(one), None) if one.other_operators.is_empty() => match one.equals.as_deref() {
                    Some([value]) => Some(value.as_str()),
                    _ => None,
                },
                _ => None,
            }
        };
        let known = |selector: &AdvancedFieldSelector| {
            ["eventCategory", "readOnly", "resources.type", "eventSource"].contains(&&*selector.field)
        };
        if !self.field_selectors.iter().all(known) {
            return;
        }
        let has = |name: &str| self.field_selectors.iter().any(|selector| selector.field == name);
        let (reads, writes) = match (has("readOnly"), only("readOnly")) {
            (false, _) => (true, true),
            (true, Some("true")) => (true, false),
            (true, Some("false")) => (false, true),
            (true, _) => return,
        };
        match (only("eventCategory"), has("eventSource")) {
            (Some("Management"), false) if !has("resources.type") => {
                add_classes(logged, "management", "", reads, writes);
            }
            (Some("Data"), false) => {
                if let Some(kind) = only("resources.type") {
                    add_classes(logged, "data", kind, reads, writes);
                }
            }
            (Some("NetworkActivity"), true) if reads && writes && !has("resources.type") => {
                logged.extend(only("eventSource").map(|source| format!("network:{source}")));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(text: &str) -> Vec<String> {
        let trails = TrailSelectors::from_files(&[text.to_owned()]).unwrap();
        trails.into_iter().flat_map(|trail| trail.logged).collect()
    }

    #[test]
    fn the_default_selector_logs_management_events() {
        let text = r#"{"TrailARN": "x", "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": true,
            "DataResources": [], "ExcludeManagementEventSources": []}]}"#;
        assert_eq!(logged(text), ["management-read", "management-write"]);
    }

    #[test]
    fn a_selector_that_excludes_events_does_not_count() {
        for text in [
            r#"{"EventSelectors": [{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}]}"#,
            r#"{"EventSelectors": [{"IncludeManagementEvents": false, "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::one/"]}]}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}, {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::one/"]}]}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"], "NotEquals": ["x"]}]}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["true"]}, {"Field": "readOnly", "Equals": ["false"]}]}]}"#,
        ] {
            assert_eq!(logged(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn reads_writes_and_data_types_are_distinguished() {
        let reads = r#"{"EventSelectors": [{"ReadWriteType": "ReadOnly", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}"#;
        assert_eq!(logged(reads), ["data-read:AWS::S3::Object", "management-read"]);
        let all = r#"{"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}"#;
        assert_eq!(
            logged(all),
            [
                "data-read:AWS::S3::Object",
                "data-write:AWS::S3::Object",
                "management-read",
                "management-write"
            ]
        );
        let advanced = r#"{"AdvancedEventSelectors": [
            {"Name": "w", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]}]},
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Table"]}]}]}"#;
        assert_eq!(
            logged(advanced),
            ["data-read:AWS::DynamoDB::Table", "data-write:AWS::DynamoDB::Table", "management-write"]
        );
    }

    #[test]
    fn selectors_speak_for_the_accounts_and_regions_of_their_trail() {
        let selectors =
            r#"{"TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t", "EventSelectors": [{}]}"#;
        let described = |multi: bool, organization: bool| {
            format!(
                r#"{{"trailList": [{{"TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t",
                    "IsMultiRegionTrail": {multi}, "IsOrganizationTrail": {organization}}}]}}"#
            )
        };
        let places = [
            ("111122223333", "eu-west-1"),
            ("111122223333", "us-east-1"),
            ("444455556666", "eu-west-1"),
            ("444455556666", "us-east-1"),
        ];
        let of = |texts: &[String]| {
            let trails = TrailSelectors::from_files(texts).unwrap();
            let trail = trails.first().unwrap();
            places.map(|(account, region)| (trail.covers(account, region), trail.may_cover(account, region)))
        };
        let (yes, no, maybe) = ((true, true), (false, false), (false, true));
        assert_eq!(of(&[selectors.to_owned()]), [yes, maybe, no, no]);
        assert_eq!(of(&[selectors.to_owned(), described(false, false)]), [yes, no, no, no]);
        assert_eq!(of(&[described(true, false), selectors.to_owned()]), [yes, yes, no, no]);
        assert_eq!(of(&[selectors.to_owned(), described(true, true)]), [yes, yes, yes, yes]);
        let without_arn = r#"{"AdvancedEventSelectors": []}"#.to_owned();
        assert_eq!(of(&[without_arn]), [yes, yes, yes, yes]);
    }

    #[test]
    fn a_file_of_another_kind_is_an_error_that_names_it() {
        let error =
            TrailSelectors::from_files(&[r#"{"EventSelectors": []}"#.into(), "{}".into()]).unwrap_err();
        assert_eq!(error.0, 1);
        assert!(error.1.to_string().contains("describe-trails"), "{}", error.1);
    }
}
