//! What is known of a request before it is made, and of one that is given.
//!
//! Enters: a [`PolicySnapshot`], and perhaps a [`RequestContext`]. Leaves: for each condition key what is [`Found`]. Law: what is not
//! known of every request is not known.
//!
//! Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference for keys of services;
//! both read 2026-11.

use std::collections::BTreeMap;

use super::{PolicySnapshot, RequestContext};

/// What is found for a condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContextValue<'a> {
    /// Its values; none means that the key is absent.
    Known(&'a [String]),
    /// Nobody can tell.
    Unknown,
    /// What the caller writes into the request.
    CallerControlled,
    /// Its values in requests the caller is free to make; others may have others.
    Typical(&'a [String]),
}

/// The principal, as far as a snapshot tells.
#[derive(Clone, Debug)]
pub(super) struct CallerContext {
    /// ARN of the user or role; empty when not known.
    pub arn: String,
    /// Account; empty when not known.
    pub account: String,
    /// Whether it is a role, called through a session.
    pub is_role: bool,
    /// Whether an AWS service owns the role.
    pub is_service_linked: bool,
    known_keys: BTreeMap<String, Vec<String>>,
    typical_keys: BTreeMap<&'static str, Vec<String>>,
}

/// Keys of what the caller writes into a request. Each is a parameter of the request in the reference of its service,
/// or said to be one in the guide of the global keys.
const CALLER_CONTROLLED_KEYS: [&str; 12] = [
    "aws:requestedregion",
    "aws:tagkeys",
    "iam:passedtoservice",
    "iam:awsservicename",
    "iam:policyarn",
    "sts:rolesessionname",
    "sts:transitivetagkeys",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "ec2:createaction",
    "cloudwatch:namespace",
];

impl CallerContext {
    /// What a snapshot tells.
    pub fn of(snapshot: &PolicySnapshot) -> Self {
        let arn = if snapshot.principal.starts_with("arn:") { &*snapshot.principal } else { "" };
        let mut parts = arn.splitn(6, ':').skip(4);
        let owner = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        let account = if snapshot.account.is_empty() { owner } else { &*snapshot.account };
        let is_role = name.starts_with("role/");
        let mut caller = Self {
            arn: arn.to_owned(),
            account: account.to_owned(),
            is_role,
            is_service_linked: name.starts_with("role/aws-service-role/"),
            known_keys: BTreeMap::new(),
            typical_keys: BTreeMap::new(),
        };
        let mut know =
            |key: &str, value: &str| caller.known_keys.insert(key.to_owned(), vec![value.to_owned()]);
        know("aws:principalisawsservice", "false");
        if !account.is_empty() {
            know("aws:principalaccount", account);
        }
        if let Some(user) = name.strip_prefix("user/") {
            know("aws:principalarn", arn);
            know("aws:principaltype", "User");
            know("aws:username", user.rsplit('/').next().unwrap_or(user));
        } else if is_role {
            know("aws:principalarn", arn);
            know("aws:principaltype", "AssumedRole");
        }
        // Whoever begins a session may give it tags, which stand before the role's own, if the trust policy lets him.
        let may_be_tagged =
            is_role && snapshot.trust_policy.as_ref().is_none_or(|trust| !forbids_session_tags(&trust.text));
        if !may_be_tagged {
            for (tag, value) in &snapshot.tags {
                know(&format!("aws:principaltag/{}", tag.to_ascii_lowercase()), value);
            }
        }
        if is_role {
            caller.known_keys.insert("aws:username".to_owned(), Vec::new());
        }
        let own = if account.is_empty() { "${aws:PrincipalAccount}" } else { account };
        caller.typical_keys = BTreeMap::from([
            // Resources of the own account there are always some.
            ("aws:resourceaccount", vec![own.to_owned()]),
            // A call can always be made directly, and over TLS.
            ("aws:viaawsservice", vec!["false".to_owned()]),
            ("aws:calledvia", Vec::new()),
            ("aws:calledviafirst", Vec::new()),
            ("aws:calledvialast", Vec::new()),
            ("aws:securetransport", vec!["true".to_owned()]),
        ]);
        caller
    }
}

// Whether a trust policy speaks of no tags of sessions. A tag with the role's own key would stand before the role's.
fn forbids_session_tags(trust: &str) -> bool {
    let text = trust.to_ascii_lowercase();
    // Any text that could name the action, escaped, by a wildcard, or through `NotAction`, counts as naming it.
    !["tagsession", "*", "?", "\\", "notaction"].iter().any(|word| text.contains(word))
}

/// What is known when conditions are evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationContext<'a> {
    pub caller: &'a CallerContext,
    /// The context of one request; absent when all requests are meant.
    pub request: Option<&'a RequestContext>,
}

impl<'a> EvaluationContext<'a> {
    /// What is found for a key, given in lower case.
    pub fn lookup(&self, key: &str) -> ContextValue<'a> {
        if let Some(request) = self.request {
            let own = request.keys.get(key).or_else(|| self.caller.known_keys.get(key));
            return match own {
                Some(values) => ContextValue::Known(values),
                None if request.is_complete => ContextValue::Known(&[]),
                None => ContextValue::Unknown,
            };
        }
        if let Some(values) = self.caller.known_keys.get(key) {
            return ContextValue::Known(values);
        }
        if let Some(values) = self.caller.typical_keys.get(key) {
            return ContextValue::Typical(values);
        }
        if CALLER_CONTROLLED_KEYS.contains(&key) || key.starts_with("aws:requesttag/") {
            return ContextValue::CallerControlled;
        }
        ContextValue::Unknown
    }
}
