//! Patterns of principals to the accounts they are looked for in.
//!
//! Enters: ARNs and patterns, and the accounts we may look into. Leaves: targets by account. Laws: a pattern is looked for
//! in every account it can match; one whose principals have no policies in IAM is told, and not passed over.

use std::collections::{BTreeMap, BTreeSet};

use super::Question;
use crate::{
    config::Config,
    pattern::{is_wild, matches},
};

/// Principals that are looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// One of this ARN.
    One(String),
    /// A role of this name, whatever its path: a session does not tell it. The ARN is without a path.
    Role(String),
    /// All that match.
    All(String),
}

impl Target {
    /// The ARN or pattern.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::One(text) | Self::Role(text) | Self::All(text) => text,
        }
    }

    /// The same in one account: there is one root user in it, and no list of principals names it.
    fn within(&self, account: &str) -> Self {
        match self {
            Self::All(pattern) if pattern.ends_with(":root") => {
                let partition = pattern.split(':').nth(1).filter(|one| !is_wild(one)).unwrap_or("aws");
                Self::One(format!("arn:{partition}:iam::{account}:root"))
            }
            other => other.clone(),
        }
    }

    /// Whether a principal of this ARN is meant.
    pub(super) fn is(&self, arn: &str) -> bool {
        match self {
            Self::One(one) => one == arn,
            Self::Role(role) => is_role(role, arn),
            Self::All(pattern) => matches(pattern, arn),
        }
    }
}

/// Whether an ARN is that of a role, given without its path.
pub(super) fn is_role(role: &str, arn: &str) -> bool {
    let parts = |arn: &'_ str| {
        let (account, path) = arn.split_once(":role/")?;
        Some((account.to_owned(), path.rsplit('/').next()?.to_owned()))
    };
    parts(role).is_some_and(|role| Some(role) == parts(arn))
}

/// Targets by account, and patterns of principals that have no policies in IAM, with the reason.
#[derive(Debug, Default)]
pub(super) struct Whom {
    pub(super) targets: BTreeMap<String, BTreeSet<Target>>,
    pub(super) unjudged: BTreeMap<String, &'static str>,
}

/// Everybody who is asked about.
pub(super) fn whom(question: &Question<'_>) -> Whom {
    let known = accounts(question.config, &question.caller.account);
    let patterns: Vec<&str> = match question.asked {
        [] => question.config.watch.iter().map(|watch| &*watch.principal).collect(),
        asked => asked.iter().map(String::as_str).collect(),
    };
    let mut whom = Whom::default();
    for pattern in patterns {
        match target(pattern) {
            Ok((account, target)) if is_wild(account) => {
                for known in known.iter().filter(|known| matches(account, known)) {
                    whom.targets.entry((*known).to_owned()).or_default().insert(target.within(known));
                }
            }
            Ok((account, target)) => {
                whom.targets.entry(account.to_owned()).or_default().insert(target);
            }
            Err(why) => {
                whom.unjudged.insert(pattern.to_owned(), why);
            }
        }
    }
    whom
}

/// Accounts we may look into: our own, and where a role is named, those evidence is expected of.
fn accounts<'a>(config: &'a Config, own: &'a str) -> BTreeSet<&'a str> {
    let named = config.coverage.accounts.iter().filter(|_| config.lookup.role.is_some());
    named.map(String::as_str).chain([own]).collect()
}

/// The account of an ARN or pattern, and whom it means.
fn target(pattern: &str) -> Result<(&str, Target), &'static str> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = *parts.as_slice() else {
        return Err("it is no ARN");
    };
    let kind = resource.split('/').next().unwrap_or_default();
    if let Some(rest) = resource.strip_prefix("assumed-role/") {
        let role = rest.split('/').next().unwrap_or_default();
        return Ok((account, Target::Role(format!("arn:{partition}:iam::{account}:role/{role}"))));
    }
    match kind {
        "federated-user" => Err("a federated user has its user's policies, less those of its session"),
        "saml-provider" | "oidc-provider" => Err("an identity provider has no policies of its own"),
        "user" if account.is_empty() => {
            Err("a user of IAM Identity Center acts through `AWSReservedSSO_` roles: watch those")
        }
        _ if is_wild(pattern) => Ok((account, Target::All(pattern.to_owned()))),
        "user" | "role" | "root" => Ok((account, Target::One(pattern.to_owned()))),
        _ => Err("it is no user, role or root"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, config::Watch, report::Caller};

    fn asked(asked: &[&str], config: &Config) -> Whom {
        let asked: Vec<String> = asked.iter().map(|one| (*one).to_owned()).collect();
        let caller =
            Caller { arn: String::new(), account: "111122223333".to_owned(), user_id: String::new() };
        whom(&Question { config, catalog: Catalog::embedded(), caller: &caller, asked: &asked })
    }

    #[test]
    fn a_pattern_is_looked_for_in_every_account_we_may_look_into() {
        let mut config =
            Config { watch: vec![Watch::new("arn:aws:iam::*:role/A*").unwrap()], ..Config::default() };
        config.coverage.accounts = vec!["444455556666".to_owned()];
        let accounts = |config: &Config| asked(&[], config).targets.into_keys().collect::<Vec<_>>();
        assert_eq!(accounts(&config), ["111122223333"]);
        config.lookup.role = Some("Onlooker".to_owned());
        assert_eq!(accounts(&config), ["111122223333", "444455556666"]);
        // One that is named is looked for where it must be, whether or not we may.
        let named = asked(&["arn:aws:iam::777788889999:role/A"], &Config::default());
        assert_eq!(named.targets.into_keys().collect::<Vec<_>>(), ["777788889999"]);
    }

    #[test]
    fn a_session_is_one_of_its_role_whatever_the_path() {
        let whom = asked(&["arn:aws:sts::111122223333:assumed-role/Auditor/me"], &Config::default());
        let target = whom.targets["111122223333"].first().unwrap().clone();
        assert!(target.is("arn:aws:iam::111122223333:role/Auditor"));
        assert!(target.is("arn:aws:iam::111122223333:role/audit/Auditor"));
        assert!(!target.is("arn:aws:iam::444455556666:role/Auditor"));
        assert!(!target.is("arn:aws:iam::111122223333:role/Auditor/other"));
    }

    #[test]
    fn the_root_user_is_one_of_each_account() {
        let whom = asked(&["arn:aws:iam::*:root"], &Config::default());
        let root = Target::One("arn:aws:iam::111122223333:root".to_owned());
        assert_eq!(whom.targets["111122223333"], BTreeSet::from([root]));
    }

    #[test]
    fn who_has_no_policies_in_iam_is_told() {
        let whom = asked(
            &["arn:aws:sts::111122223333:federated-user/f", "arn:aws:identitystore:::user/u", "nonsense"],
            &Config::default(),
        );
        assert!(whom.targets.is_empty());
        assert_eq!(whom.unjudged.len(), 3);
    }
}
