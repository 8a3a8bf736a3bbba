//! Permissions as JSON.
//!
//! Enters: [`Verdicts`]. Leaves: indented JSON with a newline at its end. Laws: it fits the schema in
//! `docs/permissions.schema.json`; it holds no character that a terminal would obey.

use super::json::visible;
use crate::permissions::Verdicts;

/// The verdicts as indented JSON with a newline at its end.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn json(verdicts: &Verdicts) -> Result<String, serde_json::Error> {
    Ok(visible(&serde_json::to_string_pretty(verdicts)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(visible(&serde_json::to_string_pretty(&Verdicts::schema())?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::{
        catalog::Catalog,
        config::Config,
        grants::{Evaluator, Origin, Policy, Snapshot},
        permissions::{Dissent, Identity, SecondOpinion, Subject, judge},
        render::json::tests::{is_current, misfit},
        time::Time,
    };

    #[test]
    fn the_published_schema_is_current() {
        is_current("permissions.schema.json", &schema().unwrap());
    }

    fn verdicts() -> Verdicts {
        let arn = "arn:aws:iam::111122223333:role/\u{202e}Auditor";
        let text =
            r#"{"Statement": [{"Effect": "Allow", "Action": ["iam:*", "s3:Nonsense"], "Resource": "*"}, 7]}"#;
        let policy = Policy { name: "p\u{1b}[2J".into(), origin: Origin::Inline, text: text.into() };
        let snapshot = Snapshot { principal: arn.into(), identity: vec![policy], ..Snapshot::default() };
        let config = Config::default();
        let grants = Evaluator::new(Catalog::embedded()).grants(&snapshot);
        let identity = Identity::of(arn, "111122223333", &config);
        let subject = Subject { identity, grants: &grants, policies_sha256: snapshot.sha256() };
        let dissent =
            Dissent { action: "s3:PutObject".into(), here: "denied".into(), simulator: "allowed".into() };
        let opinion = SecondOpinion { asked: 1, agreed: 0, dissent: vec![dissent], unasked: None };
        let judged = judge(&subject, &config, Catalog::embedded(), Time(0), &[], Some(opinion));
        Verdicts::of(vec![judged], BTreeSet::from(["x".to_owned()]), BTreeSet::new())
    }

    #[test]
    fn what_is_judged_fits_the_schema_reads_back_and_hides_nothing() {
        let json = json(&verdicts()).unwrap();
        let schema = serde_json::to_value(Verdicts::schema()).unwrap();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(misfit(&value, &schema, &schema, "$"), None);
        assert_eq!(serde_json::from_str::<Verdicts>(&json).unwrap(), verdicts());
        assert!(!json.chars().any(|c| c != '\n' && crate::render::escape::is_hidden(c)));
    }
}
