//! A value that names the version of its shape, for programs.
//!
//! Enters: a result without a version of its own. Leaves: the same with `schema_version` as its first field. Law: the fields of the
//! value stay as they are.

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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        audit::{AUDIT_VERIFICATION_SCHEMA_VERSION, AuditVerification},
        backup::{RESTORE_PLAN_SCHEMA_VERSION, ROTATION_SCHEMA_VERSION, RestorePlan, Rotation},
        jobs::backup::{BACKUP_VERIFICATION_SCHEMA_VERSION, BackupVerification},
        render::json::{
            escape_json,
            tests::{assert_schema_is_current, schema_violation},
        },
    };

    fn assert_current<T: JsonSchema>(name: &str, version: &str) {
        let text = serde_json::to_string_pretty(&versioned_schema::<T>()).unwrap();
        assert_schema_is_current(&format!("{name}.schema.json"), version, &escape_json(text));
    }

    #[test]
    fn the_published_schemas_of_versioned_values_are_current() {
        assert_current::<AuditVerification>("audit-verification", AUDIT_VERIFICATION_SCHEMA_VERSION);
        assert_current::<BackupVerification>("backup-verification", BACKUP_VERIFICATION_SCHEMA_VERSION);
        assert_current::<Rotation>("backup-rotation", ROTATION_SCHEMA_VERSION);
        assert_current::<RestorePlan>("restore-plan", RESTORE_PLAN_SCHEMA_VERSION);
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
