//! AWS's own message about a request that policies do not allow.
//!
//! Enters: `errorMessage`. Leaves: [`AuthorizationMessage`]: the principal without the permission, the action, and which type of
//! policy refused. Laws: the principal and the action are read from the beginning and the reason from the end, so the
//! name of the resource, which stands between them and which a caller may choose, is never read as either; a reason
//! that is not known, or may be cut off, and any other text behind the resource, is [`DenialReason::Other`].
//!
//! Forms (IAM User Guide, "Troubleshoot access denied error messages", editions of 2023 and 2026): `User: PRINCIPAL is
//! not authorized to perform: ACTION on resource: RESOURCE`, then nothing, `because no TYPE allows the ACTION action`, or
//! `with an explicit deny in a TYPE`, which may name the ARN of the policy or the type that denied `transitively`. EC2
//! begins with a sentence of its own and may end with an encoded message. IAM may end with a link to the details
//! (the same guide, "Troubleshoot access denied error messages with authorization ID").

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Type of a policy that refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DenyingPolicy {
    /// A policy of the principal.
    IdentityBasedPolicy,
    /// A policy of the resource, also the trust policy of a role.
    ResourceBasedPolicy,
    /// The permissions boundary of the principal.
    PermissionsBoundary,
    /// A policy of the session.
    SessionPolicy,
    /// A policy of the VPC endpoint that the request went through.
    VpcEndpointPolicy,
    /// A service control policy of the organization.
    ServiceControlPolicy,
    /// A resource control policy of the organization.
    ResourceControlPolicy,
}

/// The types as messages write them.
const POLICY_TYPES: [(&str, DenyingPolicy); 9] = [
    ("identity-based policy", DenyingPolicy::IdentityBasedPolicy),
    ("resource-based policy", DenyingPolicy::ResourceBasedPolicy),
    ("role trust policy", DenyingPolicy::ResourceBasedPolicy),
    ("permissions boundary", DenyingPolicy::PermissionsBoundary),
    ("session policy", DenyingPolicy::SessionPolicy),
    ("sessions policy", DenyingPolicy::SessionPolicy),
    ("VPC endpoint policy", DenyingPolicy::VpcEndpointPolicy),
    ("service control policy", DenyingPolicy::ServiceControlPolicy),
    ("resource control policy", DenyingPolicy::ResourceControlPolicy),
];

impl DenyingPolicy {
    /// The words for it in a sentence: `denied by a service control policy`.
    pub const fn with_article(self) -> &'static str {
        match self {
            Self::IdentityBasedPolicy => "its identity-based policies",
            Self::ResourceBasedPolicy => "a resource-based policy",
            Self::PermissionsBoundary => "a permissions boundary",
            Self::SessionPolicy => "a session policy",
            Self::VpcEndpointPolicy => "a VPC endpoint policy",
            Self::ServiceControlPolicy => "a service control policy",
            Self::ResourceControlPolicy => "a resource control policy",
        }
    }
}

/// Why the message says that the request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DenialReason {
    /// By a policy; of which type, if the message says so.
    Policy(Option<DenyingPolicy>),
    /// By something else, or it is not known by what.
    Other,
}

/// What the message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationMessage<'m> {
    /// The principal that was not authorized, an ARN in most messages; `None` if the message names none.
    pub(super) principal: Option<&'m str>,
    /// The action that was refused, such as `iam:PassRole`.
    pub(super) action: &'m str,
    /// Why it was refused.
    pub(super) reason: DenialReason,
    /// Whether the message addresses the caller: `You are not authorized`.
    pub(super) addresses_caller: bool,
}

/// The sentence that EC2 begins with.
const EC2_SENTENCE: &str = "You are not authorized to perform this operation. ";

/// What EC2 may end with: base64 text, which may be cut off.
const ENCODED: &str = " Encoded authorization failure message: ";

/// CloudTrail cuts off messages at 1 kB, in bytes or characters. The end of a longer one is not known.
const MAX_WHOLE_BYTES: usize = 1_000;

impl<'m> AuthorizationMessage<'m> {
    /// Reads a message; `None` if it has another form.
    pub(super) fn parse(message: &'m str) -> Option<Self> {
        let message = message.trim();
        let mut is_whole = message.len() < MAX_WHOLE_BYTES;
        let mut text = message;
        if let Some(rest) = message.strip_prefix(EC2_SENTENCE) {
            text = rest;
            if let Some((before, _)) = rest.rsplit_once(ENCODED).filter(|(_, code)| is_encoded(code)) {
                (text, is_whole) = (before, true);
            }
        }
        let text = text.strip_prefix("User")?;
        let (who, rest) = text.split_once(" is not authorized to perform")?;
        let principal = match who {
            "" | ":" => None,
            _ => {
                let start = [": ", " with accountId: ", " "].iter().find_map(|start| who.strip_prefix(start));
                Some(unquoted(start?)).filter(|name| is_token(name))
            }
        };
        if !who.trim_matches(':').is_empty() && principal.is_none() {
            return None;
        }
        let rest = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(' '))?;
        let (action, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let action = unquoted(action.trim_end_matches(['.', ',']));
        if !is_action(action) {
            return None;
        }
        let reason = if is_whole { reason(rest) } else { DenialReason::Other };
        let addresses_caller = message.starts_with(EC2_SENTENCE);
        Some(Self { principal, action, reason, addresses_caller })
    }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['`', '\'', '"'])
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

fn is_encoded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=+/.".contains(&byte))
}

/// `service:Action`, in any case.
fn is_action(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
    };
    text.len() <= 128 && text.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name))
}

/// The reason at the end of what follows the action.
fn reason(rest: &str) -> DenialReason {
    const MARKS: [&str; 4] = ["because ", "with an explicit deny", "due to ", "since "];
    let rest = without_link(rest.trim_end_matches(['.', ' '])).trim_end_matches(['.', ' ']);
    // The last mark, so that no text in the name of the resource is taken for the reason behind it.
    let last = MARKS.iter().filter_map(|mark| rest.rfind(mark).map(|at| at..at + mark.len()));
    let Some(Range { start, end }) = last.max_by_key(|mark| mark.start) else {
        let is_plain = rest.is_empty() || is_resource(rest);
        return if is_plain { DenialReason::Policy(None) } else { DenialReason::Other };
    };
    let mark = rest.get(start..end).unwrap_or_default();
    let text = rest.get(end..).unwrap_or_default();
    match mark {
        "with an explicit deny" => explicit_deny(text),
        "due to " => text.strip_prefix("an explicit deny").map_or(DenialReason::Other, explicit_deny),
        "because " => no_allow(text).map_or(DenialReason::Other, |policy| DenialReason::Policy(Some(policy))),
        _ => DenialReason::Other,
    }
}

/// The text without a link to the details of the refusal at its end, which has the id of the refusal twice.
fn without_link(text: &str) -> &str {
    const LINK: &str = " Go to https://";
    const ID: &str = " for complete details, or call the GetRequestAuthorizationDetails API with the following authorization id: ";
    let Some((before, id)) = text.rsplit_once(ID) else { return text };
    let Some((before, link)) = before.rsplit_once(LINK) else { return text };
    let linked = link.split_once("/authorization-details/").map(|(_, linked)| linked);
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_id && linked == Some(id) { before } else { text }
}

/// `on resource: RESOURCE` and nothing else. The resource is one word, or any text in double quotes; IAM also writes
/// what it is before its name.
fn is_resource(text: &str) -> bool {
    const KINDS: [&str; 6] = ["user ", "role ", "group ", "policy ", "policy path ", "instance profile "];
    let Some(text) = text.strip_prefix("on resource") else { return false };
    let Some(resource) = text.strip_prefix(": ").or_else(|| text.strip_prefix(' ')) else { return false };
    let quoted = resource.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    is_token(resource)
        || quoted.is_some_and(|name| !name.contains('"'))
        || KINDS.iter().any(|kind| resource.strip_prefix(kind).is_some_and(is_token))
}

/// Nothing, or `in a TYPE`, with or without the ARN of the policy. A VPC endpoint passes on what another type denied:
/// `in a VPC endpoint policy transitively through a TYPE`.
fn explicit_deny(text: &str) -> DenialReason {
    if text.is_empty() {
        return DenialReason::Policy(None);
    }
    let text = [" in an ", " in a ", " in the "].iter().find_map(|article| text.strip_prefix(article));
    let Some(mut found) = policy_type(text.unwrap_or_default()) else { return DenialReason::Other };
    if let Some(through) = found.1.strip_prefix(" transitively through a ").and_then(policy_type) {
        found = through;
    }
    let (policy, rest) = found;
    let named = rest.strip_prefix(": ").or_else(|| rest.strip_prefix(" "));
    let is_arn = |named: &str| named.split(", ").all(|arn| arn.starts_with("arn:") && is_token(arn));
    if rest.is_empty() || named.is_some_and(is_arn) {
        DenialReason::Policy(Some(policy))
    } else {
        DenialReason::Other
    }
}

/// `no TYPE allows the ACTION action`.
fn no_allow(text: &str) -> Option<DenyingPolicy> {
    let (policy, rest) = policy_type(text.strip_prefix("no ")?)?;
    let action = rest.strip_prefix(" allows the ")?.strip_suffix(" action")?;
    is_action(unquoted(action)).then_some(policy)
}

/// The type at the beginning, and the rest.
fn policy_type(text: &str) -> Option<(DenyingPolicy, &str)> {
    POLICY_TYPES.iter().find_map(|(name, policy)| {
        let (start, rest) = text.split_at_checked(name.len())?;
        start.eq_ignore_ascii_case(name).then_some((*policy, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Auditor/a=b@example.com";

    fn reason_of(tail: &str) -> DenialReason {
        let message = format!("User: {ARN} is not authorized to perform: s3:PutObject{tail}");
        let parsed = AuthorizationMessage::parse(&message).unwrap();
        assert_eq!((parsed.principal, parsed.action), (Some(ARN), "s3:PutObject"), "{message}");
        parsed.reason
    }

    #[test]
    fn the_policy_type_is_read_from_each_form() {
        for (name, policy) in POLICY_TYPES {
            let policy = DenialReason::Policy(Some(policy));
            for on in ["", " on resource: \"arn:aws:s3:::b/k\"", " on resource: user x", " on the resource"] {
                for end in ["", "."] {
                    assert_eq!(
                        reason_of(&format!("{on} because no {name} allows the s3:PutObject action{end}")),
                        policy
                    );
                    assert_eq!(reason_of(&format!("{on} with an explicit deny in a {name}{end}")), policy);
                    for article in ["an", "the"] {
                        let denied = format!("{on} with an explicit deny in {article} {name}{end}");
                        assert_eq!(reason_of(&denied), policy);
                    }
                    let transitively = format!(
                        "{on} with an explicit deny in a VPC endpoint policy transitively through a {name}{end}"
                    );
                    assert_eq!(reason_of(&transitively), policy);
                }
                let named = format!(
                    "{on} with an explicit deny in a {name}: arn:aws:organizations::1:policy/o-1/p-1"
                );
                assert_eq!(reason_of(&named), policy);
            }
        }
        assert_eq!(reason_of(" on resource: x with an explicit deny"), DenialReason::Policy(None));
    }

    #[test]
    fn a_message_that_ends_with_the_resource_has_no_other_reason() {
        for tail in [
            "",
            ".",
            " on resource: arn:aws:s3:::b/k",
            " on resource: arn:aws:s3:::b/k.",
            " on resource: *",
            " on resource: \"arn:aws:s3:::b/a key, with spaces. And points\"",
            " on resource: user x",
            " on resource: role path/x",
            " on resource: group x",
            " on resource: policy arn:aws:iam::aws:policy/x",
            " on resource: policy path /",
            " on resource: instance profile x",
            " on resource `arn:aws:ses:r:1:identity/x'",
        ] {
            assert_eq!(reason_of(tail), DenialReason::Policy(None), "{tail}");
        }
    }

    #[test]
    fn any_other_text_behind_the_resource_is_another_reason() {
        for tail in [
            " on resource: arn:aws:bedrock:::m. Model access is not enabled for this account.",
            " on resource: \"arn:aws:s3:::b/k\". The account is suspended",
            " on resource: \"k\". The \"x\" is not enabled for \"y\"",
            " on resource: user x. The user is not active",
            " on resource: table x",
            " on resource:",
            " in this region",
            ", the account is not verified",
            " on resource: arn:aws:s3:::b/k Go to https://example.com for complete details",
        ] {
            assert_eq!(reason_of(tail), DenialReason::Other, "{tail}");
        }
    }

    #[test]
    fn the_link_of_iam_to_the_details_is_no_reason() {
        let link = |one: &str, two: &str| {
            format!(
                " Go to https://us-east-1.console.aws.amazon.com/iam/home?region=us-east-1#/authorization-details/{one} for complete details, or call the GetRequestAuthorizationDetails API with the following authorization id: {two}"
            )
        };
        let identity = DenialReason::Policy(Some(DenyingPolicy::IdentityBasedPolicy));
        for (said, expected) in [
            (
                " on resource: user x because no identity-based policy allows the iam:GetUser action.",
                identity,
            ),
            (" on resource: arn:p with an explicit deny in an identity-based policy.", identity),
            (
                " on resource: arn:p with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/D.",
                identity,
            ),
            (" on resource: role x.", DenialReason::Policy(None)),
            (" on resource: role x. The role is being deleted.", DenialReason::Other),
        ] {
            assert_eq!(reason_of(&format!("{said}{}", link("a1b2", "a1b2"))), expected, "{said}");
            assert_eq!(reason_of(&format!("{said}{}.", link("a1b2", "a1b2"))), expected, "{said}");
            assert_eq!(reason_of(&format!("{said}{}", link("a1b2", "a1b"))), DenialReason::Other, "{said}");
        }
    }

    #[test]
    fn a_reason_that_is_not_a_policy_is_another() {
        for tail in [
            " because public policies are blocked by the BlockPublicPolicy block public access setting.",
            " because no new policy allows the s3:PutObject action",
            " with an explicit deny in a declarative policy",
            " with an explicit deny in the settings",
            " with an explicit deny in a VPC endpoint policy transitively through a gateway",
            " because no identity-based policy allows the s3:PutObject action and the account is suspended",
            " due to a block",
        ] {
            assert_eq!(
                reason_of(&format!(" on resource: arn:aws:s3:::b{tail}")),
                DenialReason::Other,
                "{tail}"
            );
        }
    }

    #[test]
    fn a_message_that_may_be_cut_off_has_no_known_reason() {
        let long = "k".repeat(900);
        let tail =
            format!(" on resource: {long} because no identity-based policy allows the s3:PutObject action");
        assert_eq!(reason_of(&tail), DenialReason::Other);
    }

    #[test]
    fn the_form_of_ec2_is_read_with_its_encoded_end() {
        let said = "because no identity-based policy allows the ec2:RunInstances action. ";
        let encoded = "a-B_".repeat(400);
        let message = format!(
            "{EC2_SENTENCE}User: {ARN} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* {said}Encoded authorization failure message: {encoded}"
        );
        let parsed = AuthorizationMessage::parse(&message).unwrap();
        assert_eq!(parsed.reason, DenialReason::Policy(Some(DenyingPolicy::IdentityBasedPolicy)));
        let message = format!(
            "{EC2_SENTENCE}User: {ARN} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/*. Encoded authorization failure message: {encoded}"
        );
        assert_eq!(AuthorizationMessage::parse(&message).unwrap().reason, DenialReason::Policy(None));
    }

    #[test]
    fn older_forms_are_read() {
        let ses = AuthorizationMessage::parse(
            "User `arn:u' is not authorized to perform `ses:ListIdentities' on resource `x'",
        );
        assert_eq!(
            ses.map(|said| (said.principal, said.action)),
            Some((Some("arn:u"), "ses:ListIdentities"))
        );
        let account = AuthorizationMessage::parse(
            "User with accountId: 111122223333 is not authorized to perform: logs:PutSubscriptionFilter on resource: arn",
        );
        assert_eq!(account.and_then(|said| said.principal), Some("111122223333"));
        let no_name = AuthorizationMessage::parse("User is not authorized to perform: s3:PutObject").unwrap();
        assert_eq!((no_name.principal, no_name.action), (None, "s3:PutObject"));
        for text in [
            "User: a b is not authorized to perform: s3:PutObject",
            "User: a is not authorized to perform: this operation",
            "x User: a is not authorized to perform: s3:PutObject",
            "User",
            "",
        ] {
            assert_eq!(AuthorizationMessage::parse(text), None, "{text}");
        }
    }
}
