//! Objects that the events of OCSF share.
//!
//! Enters: values of a report. Leaves: JSON. Law: names and numbers of one value agree, as in the dictionary of OCSF 1.5.0.

use serde_json::{Value, json};

use super::super::export_scope::ExportResource;
use crate::{finding::Severity, time::Time};

/// A time as OCSF has it: milliseconds since 1970.
pub(super) fn milliseconds(time: Time) -> i64 {
    i64::from(time.0) * 1_000
}

/// `severity_id` and its caption.
pub(super) const fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

/// An AWS account. Readers want a name, and the account id is the only one that a report has.
pub(super) fn account(id: &str) -> Value {
    json!({ "uid": id, "name": id, "type": "AWS Account", "type_id": 10 })
}

/// Object `cloud`.
pub(super) fn cloud(account_id: Option<&str>, region: Option<&str>, partition: &str) -> Value {
    json!({
        "provider": "AWS",
        "cloud_partition": partition,
        "account": account_id.map(account),
        "region": region,
    })
}

/// Object `resource_details`, with the account that owns it.
pub(super) fn resource(resource: &ExportResource, account_id: Option<&str>, region: Option<&str>) -> Value {
    let owner = resource.account.as_deref().or(account_id);
    json!({
        "uid": resource.id,
        "name": resource.name,
        "type": resource.kind,
        "cloud_partition": resource.partition,
        "region": region,
        "owner": owner.map(|id| {
            json!({ "uid": id, "name": id, "type": "Unknown", "type_id": 0, "account": account(id) })
        }),
    })
}

/// Objects `observable`: where in `resources` the ids are. Of the types that OCSF 1.5.0 has, readers know those below 11.
pub(super) fn observables<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let observable = |(n, id): (usize, &str)| json!({ "name": format!("resources[{n}].uid"), "type_id": 10, "type": "Resource UID", "value": id });
    ids.enumerate().map(observable).collect()
}
