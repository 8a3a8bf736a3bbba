//! Permissions in every format.
//!
//! Enters: [`PermissionsReport`]. Leaves: text. Laws: JSON is valid by the schema in `docs/permissions.schema.json`; no
//! format holds a character that controls a terminal; [`FORMATS`] lists every format.

mod csv;
mod markdown;

use super::{
    Format, RenderedFile,
    html::permissions::html,
    json::{MEDIA_TYPE, escape_json},
};
use crate::permissions::{GrantedAction, PermissionsReport};

pub use self::csv::{GRANTED_ACTIONS, granted_action_row};

/// Every format of a permissions report, in the order of the help.
pub const FORMATS: &[&Format<PermissionsReport>] = &[&JSON, &HTML, &CSV, &MARKDOWN];

/// JSON.
pub const JSON: Format<PermissionsReport> = Format {
    name: "json",
    help: "The complete report, for programs; its schema is published",
    fits_standard_output: true,
    render: |report| Ok(one_file("permissions.json", MEDIA_TYPE, json(report)?)),
};

/// HTML.
pub const HTML: Format<PermissionsReport> = Format {
    name: "html",
    help: "One self-contained page",
    fits_standard_output: true,
    render: |report| Ok(one_file("permissions.html", "text/html; charset=utf-8", html(report)?)),
};

/// CSV.
pub const CSV: Format<PermissionsReport> = Format {
    name: "csv",
    help: "Several tables, one file each; with --list: one table of all granted actions",
    fits_standard_output: false,
    render: |report| {
        let file = |(name, text): (_, String)| RenderedFile {
            name,
            media_type: "text/csv; charset=utf-8",
            bytes: text.into_bytes(),
        };
        Ok(csv::csv(report)?.into_iter().map(file).collect())
    },
};

/// Markdown.
pub const MARKDOWN: Format<PermissionsReport> = Format {
    name: "markdown",
    help: "For a ticket or a pull request",
    fits_standard_output: true,
    render: |report| {
        Ok(one_file("permissions.md", "text/markdown; charset=utf-8", markdown::markdown(report)))
    },
};

fn one_file(name: &'static str, media_type: &'static str, text: String) -> Vec<RenderedFile> {
    vec![RenderedFile { name, media_type, bytes: text.into_bytes() }]
}

/// The permissions report as indented JSON with a newline at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(report: &PermissionsReport) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(report)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&PermissionsReport::schema())?))
}

/// A granted action as one line of JSON.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json_line(action: &GrantedAction) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string(action)?))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{
        catalog::Catalog,
        config::Config,
        grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
        permissions::{
            AssessedPrincipal, PrincipalIdentity, SimulationComparison, SimulationConflict, UnreadPart,
            assess,
        },
        permissions::{GRANTED_ACTION_SCHEMA_VERSION, PERMISSIONS_SCHEMA_VERSION},
        render::json::tests::{assert_schema_is_current, schema_violation},
        time::Time,
    };

    #[test]
    fn the_published_schemas_are_current() {
        assert_schema_is_current("permissions.schema.json", PERMISSIONS_SCHEMA_VERSION, &schema().unwrap());
        let schema = serde_json::to_string_pretty(&GrantedAction::schema()).unwrap();
        assert_schema_is_current(
            "granted-action.schema.json",
            GRANTED_ACTION_SCHEMA_VERSION,
            &escape_json(schema),
        );
    }

    pub fn sample_permissions() -> PermissionsReport {
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
        let unread = UnreadPart {
            file: "t\u{202e}.yaml".to_owned(),
            name: "<img src=x>".to_owned(),
            message: "the nested stack is not read: [a](https://evil.example)".to_owned(),
        };
        PermissionsReport::of(vec![assessed], BTreeSet::from(["x".to_owned()]), BTreeSet::new())
            .with_unread(vec![unread], vec!["a \u{1b}[2J <img src=x> note".to_owned()])
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

    #[test]
    fn every_format_has_files_of_its_own_without_hidden_characters() {
        let (mut names, report) = (BTreeSet::new(), sample_permissions());
        for format in FORMATS {
            for file in format.files(&report).unwrap() {
                assert!(names.insert(file.name), "{}", file.name);
                let text = String::from_utf8(file.bytes).unwrap().replace("\r\n", "\n");
                let hidden = text.chars().find(|c| *c != '\n' && crate::escape::is_hidden(*c));
                assert_eq!((hidden, text.is_empty()), (None, false), "{}", file.name);
                assert!(text.contains("OVER_PRIVILEGED") || file.name.ends_with("s.csv"), "{}", file.name);
            }
        }
    }

    #[test]
    fn hostile_names_are_no_markup_in_markdown_and_no_formula_in_csv() {
        let mut report = sample_permissions();
        report.principals[0].identity.arn = "=cmd|' /C calc'!A0".into();
        report.principals[0].reason = "<img src=x onerror=alert(1)> [a](https://evil.example)".to_owned();
        let text = |format: &Format<PermissionsReport>| -> String {
            let files = format.files(&report).unwrap();
            files.into_iter().map(|file| String::from_utf8(file.bytes).unwrap()).collect()
        };
        let html = text(&HTML);
        assert!(!html.contains("<img") && html.contains("&lt;img src=x"), "{html}");
        let markdown = comrak::markdown_to_html(&text(&MARKDOWN), &comrak::Options::default());
        assert!(!markdown.contains("<img") && !markdown.contains("<a "), "{markdown}");
        let csv = text(&CSV);
        assert!(csv.contains("'=cmd") && !csv.contains("\n=cmd"), "{csv}");
    }
}
