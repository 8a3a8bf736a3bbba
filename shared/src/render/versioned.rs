//! A value that names the version of its shape, for programs.
//!
//! Enters: a result, or a list of them, without a version of its own. Leaves: the same with `schema_version` as the first field of
//! each. Law: the fields of the value stay as they are.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

/// A value and the version of its shape.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VersionedValue<T> {
    /// Version of this shape; the first number changes if a field loses its meaning.
    pub schema_version: &'static str,
    /// The value.
    #[serde(flatten)]
    pub value: T,
}

/// The schema of a value with its version.
pub fn versioned_schema<T: JsonSchema>() -> Schema {
    let mut schema = schemars::schema_for!(VersionedValue<T>);
    schema.insert("title".to_owned(), T::schema_name().into_owned().into());
    schema
}

/// The schema of a list of values, each with its version.
pub fn versioned_list_schema<T: JsonSchema>() -> Schema {
    let mut schema = schemars::schema_for!(Vec<VersionedValue<T>>);
    schema.insert("title".to_owned(), format!("List of {}", T::schema_name()).into());
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use test_support::schemas::{assert_published, schema_violation};

    use super::*;
    use crate::{
        audit::{
            AUDIT_ENTRY_SCHEMA_VERSION, AUDIT_SUMMARY_SCHEMA_VERSION, AUDIT_VERIFICATION_SCHEMA_VERSION,
            AuditSeal, AuditVerification, BatchCounts, StoredEntry,
        },
        backup::{
            self, BackupManifest, RESTORE_PLAN_SCHEMA_VERSION, ROTATION_SCHEMA_VERSION, RestorePlan, Rotation,
        },
        config::{CONFIG_SCHEMA_VERSION, Config},
        jobs::backup::{
            BACKUP_LIST_SCHEMA_VERSION, BACKUP_VERIFICATION_SCHEMA_VERSION, BackupVerification, ListedBackup,
        },
    };

    #[test]
    fn the_published_schemas_of_versioned_values_are_current() {
        for (name, version, schema) in [
            ("audit-entry", AUDIT_ENTRY_SCHEMA_VERSION, versioned_schema::<StoredEntry>()),
            ("audit-summary", AUDIT_SUMMARY_SCHEMA_VERSION, versioned_schema::<BatchCounts>()),
            (
                "audit-verification",
                AUDIT_VERIFICATION_SCHEMA_VERSION,
                versioned_schema::<AuditVerification>(),
            ),
            ("backup-list", BACKUP_LIST_SCHEMA_VERSION, versioned_list_schema::<ListedBackup>()),
            ("backup-rotation", ROTATION_SCHEMA_VERSION, versioned_schema::<Rotation>()),
            (
                "backup-verification",
                BACKUP_VERIFICATION_SCHEMA_VERSION,
                versioned_schema::<BackupVerification>(),
            ),
            ("configuration", CONFIG_SCHEMA_VERSION, versioned_schema::<Config>()),
            ("restore-plan", RESTORE_PLAN_SCHEMA_VERSION, versioned_schema::<RestorePlan>()),
        ] {
            assert_published(name, version, &schema);
        }
    }

    #[test]
    fn the_published_schemas_of_stored_records_are_current() {
        let schema = schemars::schema_for!(AuditSeal);
        assert_published("audit-seal", &AuditSeal::VERSION.to_string(), &schema);
        let schema = schemars::schema_for!(BackupManifest);
        assert_published("backup-manifest", &backup::SCHEMA_VERSION.to_string(), &schema);
    }

    #[test]
    fn a_versioned_value_fits_its_schema() {
        let value = VersionedValue { schema_version: "1.0", value: AuditVerification::default() };
        let schema = serde_json::to_value(versioned_schema::<AuditVerification>()).unwrap();
        let value: Value = serde_json::to_value(value).unwrap();
        assert_eq!(value.as_object().unwrap().keys().next().unwrap(), "schema_version");
        assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
    }
}
