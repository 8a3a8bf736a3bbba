//! The event classes that a trail is configured to log.
//!
//! Enters: the JSON output of `aws cloudtrail get-event-selectors`. Leaves: the names of the event classes that the
//! trail logs completely. Laws: a selector that excludes any event of a class does not count for the class; a
//! selector with an unknown field does not count.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Event selectors of a trail.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventSelectors {
    event_selectors: Option<Vec<BasicEventSelector>>,
    advanced_event_selectors: Option<Vec<AdvancedEventSelector>>,
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

impl EventSelectors {
    /// Parses the output of the AWS CLI.
    ///
    /// # Errors
    /// When the text is not JSON of this shape.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Names of the event classes that are logged completely.
    pub fn logged_classes(&self) -> BTreeSet<String> {
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

impl BasicEventSelector {
    fn add_logged_classes(&self, logged: &mut BTreeSet<String>) {
        // The defaults of CloudTrail: management events, reads and writes.
        let kind = self.read_write_type.as_deref().unwrap_or("All");
        let (reads, writes) = (matches!(kind, "All" | "ReadOnly"), matches!(kind, "All" | "WriteOnly"));
        let excludes =
            self.exclude_management_event_sources.as_ref().is_some_and(|sources| !sources.is_empty());
        if self.include_management_events.unwrap_or(true) && !excludes {
            logged.extend(reads.then(|| "management-read".to_owned()));
            logged.extend(writes.then(|| "management-write".to_owned()));
        }
        for data in self.data_resources.iter().flatten().filter(|_| reads && writes) {
            // An ARN of only the service means every resource of the type.
            let all = |value: &String| value.starts_with("arn:") && value.split(':').count() == 3;
            if data.values.iter().any(all) {
                logged.insert(format!("data:{}", data.r#type));
            }
        }
    }
}

impl AdvancedEventSelector {
    fn add_logged_classes(&self, logged: &mut BTreeSet<String>) {
        let only = |name: &str| {
            let found = self.field_selectors.iter().find(|selector| selector.field == name)?;
            match found.equals.as_deref() {
                Some([one]) if found.other_operators.is_empty() => Some(one.as_str()),
                _ => None,
            }
        };
        let known = |selector: &AdvancedFieldSelector| {
            ["eventCategory", "readOnly", "resources.type"].contains(&&*selector.field)
        };
        if !self.field_selectors.iter().all(known) {
            return;
        }
        let flag = self.field_selectors.iter().any(|selector| selector.field == "readOnly");
        match (only("eventCategory"), only("readOnly"), flag) {
            (Some("Management"), None, false) => {
                logged.extend(["management-read".to_owned(), "management-write".to_owned()]);
            }
            (Some("Management"), Some("true"), _) => {
                logged.insert("management-read".to_owned());
            }
            (Some("Management"), Some("false"), _) => {
                logged.insert("management-write".to_owned());
            }
            (Some("Data"), None, false) => {
                logged.extend(only("resources.type").map(|kind| format!("data:{kind}")));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(text: &str) -> Vec<String> {
        EventSelectors::from_json(text).unwrap().logged_classes().into_iter().collect()
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
            "{}",
        ] {
            assert_eq!(logged(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn reads_writes_and_data_types_are_distinguished() {
        let reads = r#"{"EventSelectors": [{"ReadWriteType": "ReadOnly", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}"#;
        assert_eq!(logged(reads), ["management-read"]);
        let all = r#"{"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}]}"#;
        assert_eq!(logged(all), ["data:AWS::S3::Object", "management-read", "management-write"]);
        let advanced = r#"{"AdvancedEventSelectors": [
            {"Name": "w", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["false"]}]},
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::DynamoDB::Table"]}]}]}"#;
        assert_eq!(logged(advanced), ["data:AWS::DynamoDB::Table", "management-write"]);
    }
}
