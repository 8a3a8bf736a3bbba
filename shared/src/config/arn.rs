//! Patterns over ARNs.
//!
//! Enters: a pattern as text. Leaves: nothing, or a [`Diagnostic`]. Law: a pattern that can never match an ARN in
//! CloudTrail is an error, because a watch that matches no principal would always look proven.

use super::diagnostic::{Diagnostic, quoted};
use crate::{
    pattern::{has_wildcard, matches},
    suggest::suggest,
};

/// Partitions of AWS, 2026-09.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// Services with ARNs that name principals.
const PRINCIPAL_SERVICES: [&str; 4] = ["iam", "sts", "identitystore", "sso"];

/// First parts of the resource in a principal's ARN.
const PRINCIPAL_KINDS: [&str; 6] =
    ["root", "user", "role", "federated-user", "saml-provider", "oidc-provider"];

const EXAMPLE: &str = "`arn:aws:iam::111122223333:role/Auditor` or `arn:aws:iam::*:role/audit/*`";

struct ArnParts<'a> {
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

/// Checks a pattern for the ARNs of users, roles, roots and federated users.
pub(super) fn principal(text: &str) -> Result<(), Diagnostic> {
    let ArnParts { service, region, account, resource } = parts(text, EXAMPLE)?;
    let fault = |what: String, remedy: String| {
        Err(Diagnostic::new(format!("{} matches no principal: {what}", quoted(text)), remedy))
    };
    if !PRINCIPAL_SERVICES.iter().any(|known| matches(service, known)) {
        let what = format!("the service {} has no principals", quoted(service));
        return fault(what, format!("write the ARN of an IAM principal: {EXAMPLE}"));
    }
    if !matches(region, "") {
        return fault(
            "IAM ARNs have no region".into(),
            "leave the fourth part empty: `arn:aws:iam::ACCOUNT:…`".into(),
        );
    }
    // The ARNs of IAM Identity Center users have no account.
    if account.is_empty() && !matches(service, "identitystore") {
        return fault(
            "the account is missing".into(),
            "write the account's twelve digits, or `*` for any".into(),
        );
    }
    let kind = resource.split('/').next().unwrap_or(resource);
    if kind == "assumed-role" {
        let role = resource.split('/').nth(1).unwrap_or("NAME");
        let what = "an assumed-role session counts as its role".into();
        let remedy = format!(
            "write the role, with its path if it has one: `arn:aws:iam::{}:role/{}`",
            quoted(account).trim_matches('`'),
            quoted(role).trim_matches('`')
        );
        return fault(what, remedy);
    }
    if resource.starts_with("role/aws-service-role/") {
        let what = "a service-linked role counts as its AWS service".into();
        return fault(what, "remove the entry: calls of AWS services are not watched".into());
    }
    if !has_wildcard(kind) && !PRINCIPAL_KINDS.contains(&kind) {
        let remedy = match suggest(kind, PRINCIPAL_KINDS) {
            Some(meant) => format!("did you mean `{meant}/`?"),
            None => format!("write `role/` or `user/` before the name: {EXAMPLE}"),
        };
        return fault(format!("{} is not a type of principal", quoted(kind)), remedy);
    }
    if kind != "root" && !has_wildcard(kind) && resource.len() <= kind.len() + 1 {
        return fault("the name is missing".into(), format!("write a name or `*` after `{kind}/`"));
    }
    Ok(())
}

/// Checks a pattern for ARNs of any kind.
pub(super) fn resource(text: &str) -> Result<(), Diagnostic> {
    parts(text, "`arn:aws:s3:::example-bucket/*`").map(|_| ())
}

fn parts<'a>(text: &'a str, example: &str) -> Result<ArnParts<'a>, Diagnostic> {
    let fault = |what: &str, remedy: String| Err(Diagnostic::new(format!("{} {what}", quoted(text)), remedy));
    let mut split = text.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
        (split.next(), split.next(), split.next(), split.next(), split.next(), split.next())
    else {
        return fault(
            "is not an ARN pattern",
            format!(
                "write all six parts, `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, such as {example}"
            ),
        );
    };
    if !PARTITIONS.iter().any(|known| matches(partition, known)) {
        let remedy = format!("write one of {}, or `*`", PARTITIONS.map(|p| format!("`{p}`")).join(", "));
        return fault(&format!("contains the unknown partition {}", quoted(partition)), remedy);
    }
    if text.contains(|c: char| c.is_control() || c == ' ') {
        return fault("contains a space", format!("remove the space; an ARN pattern looks like {example}"));
    }
    if service.is_empty() || resource.is_empty() {
        let what = if service.is_empty() { "has no service" } else { "has no resource" };
        return fault(what, format!("write all six parts, such as {example}"));
    }
    let digits_or_wild = |b: u8| b.is_ascii_digit() || matches!(b, b'*' | b'?');
    let fits = if account.contains('*') { account.len() <= 13 } else { account.len() == 12 };
    if !account.is_empty() && account != "aws" && !(fits && account.bytes().all(digits_or_wild)) {
        return fault(
            &format!("contains an impossible account {}", quoted(account)),
            "write the twelve digits of an account id; `*` matches any digits".into(),
        );
    }
    Ok(ArnParts { service, region, account, resource })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_can_match_a_principal_pass() {
        for text in [
            "arn:aws:iam::111122223333:role/Auditor",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_View_*",
            "arn:aws-us-gov:iam::*:user/*",
            "arn:*:iam::1111*:*",
            "arn:aws*:*:*:*:*",
            "arn:aws:iam::111122223333:root",
            "arn:aws:sts::111122223333:federated-user/bob",
            "arn:aws-eusc:iam::????????????:role/?",
            "arn:aws:identitystore:::user/*",
        ] {
            assert_eq!(principal(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn patterns_that_can_match_nothing_are_refused() {
        for (text, remedy) in [
            ("*", "all six parts"),
            ("", "all six parts"),
            ("arn:aws:iam::*", "all six parts"),
            ("arn:asw:iam::*:role/A", "`aws`"),
            ("arn:aws:s3:::bucket", "IAM"),
            ("arn:aws:iam:eu-west-1:*:role/A", "fourth part empty"),
            ("arn:aws:iam:::role/A", "twelve digits"),
            ("arn:aws:iam::1111:role/A", "twelve digits"),
            ("arn:aws:iam::11112222333344:role/A", "twelve digits"),
            ("arn:aws:iam::*:rol/A", "`role/`"),
            ("arn:aws:iam::*:Auditor", "`role/`"),
            ("arn:aws:iam::*:role/", "a name or `*`"),
            ("arn:aws:iam::*:role", "a name or `*`"),
            ("arn:aws:iam::*:role/A B", "remove the space"),
            ("arn:aws:iam::*:role/aws-service-role/*", "remove the entry"),
            ("arn:aws:sts::111122223333:assumed-role/Auditor/me", "`arn:aws:iam::111122223333:role/Auditor`"),
        ] {
            let fault = principal(text).expect_err(text);
            assert!(fault.remedy.contains(remedy), "{text}: {fault}");
        }
    }

    #[test]
    fn resources_of_every_shape_pass() {
        for text in [
            "arn:aws:s3:::bucket/*",
            "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/a:*",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:*:*:*:*:*",
        ] {
            assert_eq!(resource(text), Ok(()), "{text}");
        }
        assert!(resource("bucket/*").is_err());
    }
}
