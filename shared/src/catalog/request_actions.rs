//! The IAM actions that a call needs by what its request says.
//!
//! Enters: an operation and the features of its request. Leaves: the IAM actions, by `service:Name`. Laws: without a
//! row for it, a call needs the actions of its operation; an operation without known actions has none, whatever the
//! request says; actions are in the order of the catalog and of the rows, each once.

use std::sync::LazyLock;

use super::{Catalog, CatalogEntry};
use crate::record::RequestFeatures;

/// `service\toperations\twhen\tinstead_of\tneeds\tsource`.
const TABLE: &str = include_str!("../../data/request_actions.tsv");

static ROWS: LazyLock<Vec<RequestActions>> =
    LazyLock::new(|| rows().filter_map(RequestActions::parse).collect());

/// What a request that says something needs.
struct RequestActions {
    service: &'static str,
    operations: Vec<&'static str>,
    /// What the request says; none for every request.
    when: Option<RequestFeatures>,
    instead_of: Vec<&'static str>,
    needs: Vec<&'static str>,
}

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#')).skip(1)
}

impl RequestActions {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let service = columns.next()?;
        let mut list = || -> Option<Vec<&'static str>> {
            Some(columns.next()?.split(',').filter(|item| *item != "-").collect())
        };
        let (operations, when, instead_of, needs) = (list()?, list()?, list()?, list()?);
        let when = match *when.first()? {
            "always" => None,
            name => Some(RequestFeatures::named(name)?),
        };
        Some(Self { service, operations, when, instead_of, needs })
    }

    fn applies_to(&self, service: &str, operation: &str, said: RequestFeatures) -> bool {
        self.service == service
            && self.when.is_none_or(|when| said.contains(when))
            && self.operations.iter().any(|name| *name == "*" || *name == operation)
    }
}

impl Catalog {
    /// The known IAM actions that a call needs if its request has these features.
    pub fn actions_of_request(&self, service: &str, name: &str, said: RequestFeatures) -> Vec<String> {
        let mut actions = self.required_iam_actions(service, name);
        let Some(entry) = self.lookup(service, name).filter(|_| !actions.is_empty()) else { return actions };
        for row in ROWS.iter().filter(|row| row.applies_to(&entry.service, &entry.name, said)) {
            actions.retain(|action| !row.instead_of.contains(&action.as_str()));
            for action in &row.needs {
                if !actions.iter().any(|held| held == action) {
                    actions.push((*action).to_owned());
                }
            }
        }
        actions
    }

    /// The IAM action of another name that a call needs if it needs no other: an action of the same service, which lets
    /// its caller do all that the call does.
    pub fn action_alone(&self, service: &str, name: &str, said: RequestFeatures) -> Option<CatalogEntry> {
        let call = self.lookup(service, name)?;
        let needed = self.actions_of_request(service, name, said);
        let [only] = needed.as_slice() else { return None };
        let (of_service, action) = only.split_once(':')?;
        let action = self.lookup(of_service, action)?;
        let is_other = action.service == call.service && action.name != call.name;
        let allows_as_much = action.facts.operation_type >= call.facts.operation_type
            && action.facts.capabilities.contains(call.facts.capabilities);
        (is_other && allows_as_much).then_some(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(service: &str, name: &str, said: RequestFeatures) -> Vec<String> {
        Catalog::embedded().actions_of_request(&format!("{service}.amazonaws.com"), name, said)
    }

    #[test]
    fn every_row_names_known_operations_actions_and_a_source() {
        let catalog = Catalog::embedded();
        for line in rows() {
            let row = RequestActions::parse(line).unwrap_or_else(|| panic!("{line}"));
            assert!(line.split('\t').nth(5).is_some_and(|source| source.len() > 10), "{line}");
            for action in row.needs.iter().chain(&row.instead_of) {
                let known = catalog.expand(action);
                assert!(known.iter().any(|entry| entry.key() == *action), "{action} in {line}");
            }
            for name in row.operations.iter().filter(|name| **name != "*") {
                let source = format!("{}.amazonaws.com", row.service);
                let entry = catalog.lookup(&source, name);
                assert!(entry.is_some_and(|entry| entry.name == *name), "{name} in {line}");
                let said = row.when.unwrap_or_default();
                let needed = catalog.actions_of_request(&source, name, said);
                assert!(
                    row.needs.iter().all(|action| needed.iter().any(|held| held == action))
                        || said.is_empty(),
                    "{line}"
                );
            }
        }
        assert_eq!(rows().count(), ROWS.len());
    }

    #[test]
    fn the_only_action_of_a_call_is_of_its_service_and_allows_as_much() {
        let alone = |service: &str, name: &str, said| {
            let action = Catalog::embedded().action_alone(&format!("{service}.amazonaws.com"), name, said);
            action.map(|action| action.key()).unwrap_or_default()
        };
        let plain = RequestFeatures::empty();
        for name in ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PostObject"] {
            assert_eq!(alone("s3", name, plain), "s3:PutObject", "{name}");
        }
        assert_eq!(alone("lambda", "Invoke", plain), "lambda:InvokeFunction");
        assert_eq!(alone("cloudshell", "SendHeartBeat", plain), "cloudshell:CreateSession");
        // The action of the same name, another action too, another service, an unknown call.
        for (service, name, said) in [
            ("s3", "PutObject", plain),
            ("s3", "CreateMultipartUpload", RequestFeatures::ACL),
            ("s3", "CopyObject", plain),
            ("signin", "PasswordUpdated", plain),
            ("s3", "Frobnicate", plain),
        ] {
            assert_eq!(alone(service, name, said), "", "{service} {name}");
        }
    }

    #[test]
    fn a_version_chooses_the_action_of_a_read() {
        for (name, current, version) in [
            ("GetObject", &["s3:GetObject"][..], &["s3:GetObjectVersion"][..]),
            ("HeadObject", &["s3:GetObject"], &["s3:GetObjectVersion"]),
            ("GetObjectAcl", &["s3:GetObjectAcl"], &["s3:GetObjectVersionAcl"]),
            ("GetObjectTagging", &["s3:GetObjectTagging"], &["s3:GetObjectVersionTagging"]),
            (
                "GetObjectAttributes",
                &["s3:GetObjectAttributes", "s3:GetObject"],
                &["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"],
            ),
            ("DeleteObject", &["s3:DeleteObject"], &["s3:DeleteObjectVersion"]),
            ("GetBucketAcl", &["s3:GetBucketAcl"], &["s3:GetBucketAcl"]),
        ] {
            assert_eq!(actions("s3", name, RequestFeatures::empty()), current, "{name}");
            assert_eq!(actions("s3", name, RequestFeatures::VERSION), version, "{name}");
        }
        assert_eq!(
            actions("s3", "GetObjectTorrent", RequestFeatures::VERSION),
            ["s3:GetObjectVersionTorrent"]
        );
    }

    #[test]
    fn headers_of_a_write_add_actions() {
        let all = RequestFeatures::ACL | RequestFeatures::TAGS | RequestFeatures::LEGAL_HOLD;
        assert_eq!(
            actions("s3", "PutObject", all),
            ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectLegalHold"]
        );
        let copy = actions("s3", "CopyObject", RequestFeatures::empty());
        assert!(["s3:GetObject", "s3:PutObject"].iter().all(|action| copy.contains(&(*action).to_owned())));
        assert!(!copy.contains(&"s3:PutObjectAcl".to_owned()), "{copy:?}");
        let with_acl = actions("s3", "CopyObject", RequestFeatures::ACL);
        assert!(with_acl.contains(&"s3:PutObjectAcl".to_owned()), "{with_acl:?}");
        let of_version = actions("s3", "CopyObject", RequestFeatures::SOURCE_VERSION);
        assert!(of_version.contains(&"s3:GetObjectVersion".to_owned()), "{of_version:?}");
        assert!(!of_version.contains(&"s3:GetObject".to_owned()), "{of_version:?}");
        assert_eq!(
            actions("s3", "UploadPartCopy", RequestFeatures::SOURCE_VERSION),
            ["s3:PutObject", "s3:GetObjectVersion"]
        );
        assert_eq!(
            actions("s3", "DeleteObject", RequestFeatures::VERSION | RequestFeatures::BYPASS_GOVERNANCE),
            ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
        );
        assert_eq!(actions("s3", "CreateBucket", RequestFeatures::ACL), ["s3:CreateBucket"]);
    }

    #[test]
    fn tags_and_roles_at_creation_need_their_own_actions() {
        let both = RequestFeatures::TAGS | RequestFeatures::ROLE;
        assert_eq!(
            actions("ec2", "RunInstances", both),
            ["ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"]
        );
        assert_eq!(actions("ec2", "CreateVolume", both), ["ec2:CreateVolume", "ec2:CreateTags"]);
        assert_eq!(
            actions("lambda", "CreateFunction20150331", both),
            ["lambda:CreateFunction", "iam:PassRole", "lambda:TagResource"]
        );
        assert!(actions("novel", "RunInstances", both).is_empty());
    }
}
