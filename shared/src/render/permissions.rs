//! Permissions as JSON.
//!
//! Enters: [`PermissionsReport`]. Leaves: indented JSON with a newline at its end. Laws: it is valid by the schema in
//! `docs/permissions.schema.json`; it holds no character that controls a terminal.

use super::json::escape_json;
use crate::permissions::PermissionsReport;

/// The permissions report as indented JSON with a newline at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(report: &PermissionsReport) -> Result<String, serde_json::Error> {
    Ok(escape_json(&serde_json::to_string_pretty(report)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(&serde_json::to_string_pretty(&PermissionsReport::schema())?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{
        catalog::Catalog,
        config::Config,
        grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
        permissions::{
            AssessedPrincipal, PrincipalIdentity, SimulationComparison, SimulationConflict, assess,
        },
        render::json::tests::{assert_schema_is_current, schema_violation},
        time::Time,
    };

    #[test]
    fn the_published_schema_is_current() {
        assert_schema_is_current("permissions.schema.json", &schema().unwrap());
    }

    fn sample_permissions() -> PermissionsReport {
        let arn = "arn:aws:iam::111122223333:role/\u{202e}Auditor";
        let text =
            r#"{"Statement": [{"Effect": "Allow", "Action": ["iam:*", "s3:Nonsense"], "Resource": "*"}, 7]}"#;
        let policy = Policy { name: "p\u{1b}[2J".into(), origin: PolicyOrigin::Inline, text: text.into() };
        let snapshot = PolicySnapshot {
            principal: arn.into(),
            identity_policies: vec![policy],
            ..PolicySnapshot::default()
        };
        let config = Config::default();
        let grants = Evaluator::new(Catalog::embedded()).grants(&snapshot);
        let identity = PrincipalIdentity::of(arn, "111122223333", &config);
        let subject = AssessedPrincipal { identity, grants: &grants, policies_sha256: snapshot.sha256() };
        let conflict = SimulationConflict {
            action: "s3:PutObject".into(),
            policies: "denied".into(),
            simulator: "allowed".into(),
        };
        let comparison = SimulationComparison {
            compared: 1,
            agreed: 0,
            conflicts: vec![conflict],
            incomplete_reason: None,
        };
        let assessed = assess(&subject, &config, Catalog::embedded(), Time(0), &[], Some(comparison));
        PermissionsReport::of(vec![assessed], BTreeSet::from(["x".to_owned()]), BTreeSet::new())
    }

    #[test]
    fn permissions_fit_the_schema_and_round_trip_without_hidden_characters() {
        let json = json(&sample_permissions()).unwrap();
        let schema = serde_json::to_value(PermissionsReport::schema()).unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
        assert_eq!(serde_json::from_str::<PermissionsReport>(&json).unwrap(), sample_permissions());
        assert!(!json.chars().any(|c| c != '\n' && crate::escape::is_hidden(c)));
    }
}
