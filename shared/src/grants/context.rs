//! The known context of all requests of a principal, or of one request.
//!
//! Enters: a [`PolicySnapshot`], and optionally a [`RequestContext`]. Leaves: a [`ContextValue`] for each condition
//! key. Law: without a request, a value counts as known only if every request has it.
//!
//! Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference for keys of services;
//! both read 2026-11.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{PolicySnapshot, RequestContext};
use crate::time::Time;

/// What is known of a condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContextValue<'a> {
    /// Values of the key; an empty list means that the key is absent.
    Known(&'a [String]),
    /// The values of the key cannot be determined.
    Unknown,
    /// A value that the caller writes into the request.
    CallerControlled,
    /// Values of the key in requests that the caller can always make; other requests may have other values.
    Typical(&'a [String]),
    /// The key has one of these lists of values, and the caller chooses which.
    Choice(&'a [Vec<String>]),
    /// A time that depends on when a request is made or its session was issued.
    Moment(MomentRange),
}

/// The times that a key can have, from the view of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MomentRange {
    /// The first time that the key can still have.
    pub earliest: Timestamp,
    /// A time that the caller can always give the key: now.
    pub now: Timestamp,
    /// Whether the caller can also make requests without the key.
    pub may_be_absent: bool,
    pub unit: MomentUnit,
}

/// How a key writes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MomentUnit {
    /// An ISO 8601 date.
    Date,
    /// Seconds since 1970.
    EpochSeconds,
    /// Seconds that passed since then, counted until now.
    Age,
}

/// Longest validity of a session, in seconds: 36 hours, of `sts:GetSessionToken` and `sts:GetFederationToken`.
const LONGEST_SESSION_SECONDS: i64 = 36 * 3_600;

/// Keys that every request has. Source: the section "Availability" of each key.
const ALWAYS_PRESENT: [&str; 11] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:useragent",
    "aws:userid",
    "aws:viaawsservice",
];

/// Whether every request has a key, given in lower case.
pub(super) fn is_always_present(key: &str) -> bool {
    ALWAYS_PRESENT.contains(&key)
}

/// Keys of the session that a call is made in. They have the prefix of the service that issued the session, and requests for
/// the actions of every service have them.
///
/// Source: IAM User Guide, "AWS global condition context keys", sections "Properties of role sessions" and "Cross-service
/// condition keys"; Amazon EC2 User Guide, `ec2:SourceInstanceARN`; IAM Identity Center User Guide, `identitystore:UserId`.
const SESSION_KEYS: [&str; 9] = [
    "codebuild:buildarn",
    "codebuild:projectarn",
    "ec2:roledelivery",
    "ec2:sourceinstancearn",
    "glue:credentialissuingservice",
    "glue:roleassumedby",
    "identitystore:userid",
    "lambda:sourcefunctionarn",
    "ssm:sourceinstancearn",
];

/// Whether the Service Authorization Reference says which actions have a condition key, given in lower case. The other
/// global keys, the tags of resources and the keys of sessions are not listed completely there.
///
/// Keys of federated users (`saml:sub`, `accounts.google.com:sub`) stay in the session that they were issued for (IAM User
/// Guide, "IAM and AWS STS condition context keys"). The prefix of an OpenID Connect provider is the name of its host.
pub(super) fn is_listed_per_action(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once(':') else { return false };
    let is_of_session = SESSION_KEYS.contains(&key) || prefix == "saml" || prefix.contains('.');
    match prefix {
        "aws" => key == "aws:tagkeys" || key.starts_with("aws:requesttag/"),
        _ => !is_of_session,
    }
}

/// The principal, as far as the snapshot describes it.
#[derive(Clone, Debug)]
pub(super) struct CallerContext {
    /// ARN of the user or role; empty when not known.
    pub arn: String,
    /// ARN of the user or role as a file declares it: its account may be `*`, and its name may have values that are not
    /// known. Empty if there is none.
    pub declared_arn: String,
    /// Account; empty when not known.
    pub account: String,
    /// Whether the principal is a role, which calls through a session.
    pub is_role: bool,
    /// Whether an AWS service owns the role.
    pub is_service_linked: bool,
    known_keys: BTreeMap<String, Vec<String>>,
    typical_keys: BTreeMap<&'static str, Vec<String>>,
    /// Keys with values that the caller chooses by the kind of session it uses.
    choices: BTreeMap<&'static str, Vec<Vec<String>>>,
    is_user: bool,
}

/// Keys with values that the caller writes into a request. Each is a request parameter by the reference of its
/// service or by the guide to the global keys.
const CALLER_CONTROLLED_KEYS: [&str; 14] = [
    "aws:requestedregion",
    "aws:tagkeys",
    "iam:passedtoservice",
    "iam:awsservicename",
    "iam:policyarn",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:transitivetagkeys",
    "s3:prefix",
    "s3:delimiter",
    "s3:max-keys",
    "s3express:sessionmode",
    "ec2:createaction",
    "cloudwatch:namespace",
];

impl CallerContext {
    /// The principal of a snapshot.
    pub fn of(snapshot: &PolicySnapshot) -> Self {
        let declared = if snapshot.principal.starts_with("arn:") { &*snapshot.principal } else { "" };
        let mut parts = declared.splitn(6, ':').skip(4);
        let owner = parts.next().unwrap_or_default();
        let name = parts.next().unwrap_or_default();
        // A principal that is not created yet may have an account and a name that are not known.
        let is_account_known = !owner.contains('*');
        let is_name_known = !name.contains("${");
        let arn = if is_account_known && is_name_known { declared } else { "" };
        let owner = if is_account_known { owner } else { "" };
        let account = if snapshot.account.is_empty() { owner } else { &*snapshot.account };
        let is_role = name.starts_with("role/");
        let mut caller = Self {
            arn: arn.to_owned(),
            declared_arn: declared.to_owned(),
            account: account.to_owned(),
            is_role,
            is_service_linked: name.starts_with("role/aws-service-role/"),
            known_keys: BTreeMap::new(),
            typical_keys: BTreeMap::new(),
            choices: BTreeMap::new(),
            is_user: name.starts_with("user/"),
        };
        let mut know =
            |key: &str, value: &str| caller.known_keys.insert(key.to_owned(), vec![value.to_owned()]);
        know("aws:principalisawsservice", "false");
        if !account.is_empty() {
            know("aws:principalaccount", account);
        }
        if !arn.is_empty() && (is_role || name.starts_with("user/")) {
            know("aws:principalarn", arn);
        }
        if let Some(user) = name.strip_prefix("user/") {
            know("aws:principaltype", "User");
            if is_name_known {
                know("aws:username", user.rsplit('/').next().unwrap_or(user));
            }
        } else if is_role {
            know("aws:principaltype", "AssumedRole");
        }
        // If the trust policy allows session tags, they take precedence over the tags of the role.
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
            // The principal's own account always has resources.
            ("aws:resourceaccount", vec![own.to_owned()]),
            // A call can always be made directly, and over TLS.
            ("aws:viaawsservice", vec!["false".to_owned()]),
            ("aws:calledvia", Vec::new()),
            ("aws:calledviafirst", Vec::new()),
            ("aws:calledvialast", Vec::new()),
            ("aws:securetransport", vec!["true".to_owned()]),
            // Those resources belong to the organization of the principal.
            ("aws:resourceorgid", vec![OWN_ORGANIZATION.to_owned()]),
        ]);
        caller
    }

    /// The user, if it may also call through sessions of `sts:GetFederationToken`. Such a session is another principal for
    /// conditions, and has the permissions of the user.
    #[must_use]
    pub fn with_federated_sessions(mut self) -> Self {
        if !self.is_user {
            return self;
        }
        let session = format!("arn:aws:sts::{}:federated-user/${{any}}", self.account);
        for (key, federated) in [
            ("aws:principalarn", vec![session]),
            ("aws:principaltype", vec!["FederatedUser".to_owned()]),
            ("aws:username", Vec::new()),
        ] {
            let own = self.known_keys.remove(key).unwrap_or_default();
            self.choices.insert(key, vec![own, federated]);
        }
        self
    }

    /// The principal in requests with these values of a key; without values, the requests do not have the key.
    #[must_use]
    pub fn with_known_key(mut self, key: &str, values: Vec<String>) -> Self {
        self.known_keys.insert(key.to_ascii_lowercase(), values);
        self
    }
}

/// Stands for the organization of the principal, as the value of `aws:ResourceOrgID`.
pub(super) const OWN_ORGANIZATION: &str = "${aws:PrincipalOrgID}";

// Whether a trust policy rules out session tags. A session tag takes precedence over the role's tag of the same key.
fn forbids_session_tags(trust: &str) -> bool {
    let text = trust.to_ascii_lowercase();
    // A text that could name the action, escaped, by a wildcard or through `NotAction`, or that is not known, counts as
    // naming it.
    !text.is_empty()
        && !["tagsession", "*", "?", "\\", "notaction", "undetermined: "]
            .iter()
            .any(|word| text.contains(word))
}

/// The known context in which conditions are evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationContext<'a> {
    pub caller: &'a CallerContext,
    /// The context of one request; absent for all requests of the principal.
    pub request: Option<&'a RequestContext>,
    /// Condition keys, in lower case, that requests for the actions in question never have.
    pub absent_keys: &'a [String],
    /// When the policies are evaluated.
    pub now: Option<Time>,
}

impl<'a> EvaluationContext<'a> {
    /// What is known of a key, given in lower case.
    pub fn lookup(&self, key: &str) -> ContextValue<'a> {
        let is_absent = self.absent_keys.iter().any(|absent| absent == key);
        if let Some(request) = self.request {
            let own = request.keys.get(key).or_else(|| self.caller.known_keys.get(key));
            return match own {
                Some(values) => ContextValue::Known(values),
                None if is_absent => ContextValue::Known(&[]),
                None if request.is_complete => ContextValue::Known(&[]),
                None => ContextValue::Unknown,
            };
        }
        if is_absent {
            return ContextValue::Known(&[]);
        }
        if let Some(values) = self.caller.known_keys.get(key) {
            return ContextValue::Known(values);
        }
        if let Some(values) = self.caller.typical_keys.get(key) {
            return ContextValue::Typical(values);
        }
        if let Some(lists) = self.caller.choices.get(key) {
            return ContextValue::Choice(lists);
        }
        if let Some(range) = self.moment(key) {
            return ContextValue::Moment(range);
        }
        if CALLER_CONTROLLED_KEYS.contains(&key) || key.starts_with("aws:requesttag/") {
            return ContextValue::CallerControlled;
        }
        ContextValue::Unknown
    }

    /// The times that a key can have: of the request, of the session, and of its multi-factor authentication.
    fn moment(&self, key: &str) -> Option<MomentRange> {
        let now = self.now?.timestamp();
        let earlier = Timestamp::from_second(now.as_second() - LONGEST_SESSION_SECONDS).ok()?;
        let is_role = self.caller.is_role;
        let (earliest, may_be_absent, unit) = match key {
            "aws:currenttime" => (now, false, MomentUnit::Date),
            "aws:epochtime" => (now, false, MomentUnit::EpochSeconds),
            // A user has it in sessions of `sts:GetSessionToken` only, a role always.
            "aws:tokenissuetime" => (earlier, !is_role, MomentUnit::Date),
            // Present in sessions with multi-factor authentication only.
            "aws:multifactorauthage" => (earlier, true, MomentUnit::Age),
            _ => return None,
        };
        Some(MomentRange { earliest, now, may_be_absent, unit })
    }
}
