//! The outcome of a call.
//!
//! Enters: service, `errorCode`, `errorMessage` and identity of a record. Leaves: [`CallResult`]: the [`Outcome`] and,
//! of a denial, who refused what. Laws: a call without an error code succeeded; it was denied only if a known code, and
//! the message if there is one, say that policies did not authorize the caller; every other error is a failure.
//!
//! `data/outcomes.tsv` lists the codes and messages, each with its source. It decides in this order:
//!
//! | the record has | outcome |
//! |---|---|
//! | a code that is not in the table, or is `failed` there | failed |
//! | no message, or the code in its place | denied if the code is `denied` in the table, else failed |
//! | a message of the table | what its row says; failed if two rows disagree |
//! | a message in AWS's own form ([`AuthorizationMessage`]) | denied if it names the caller, and a policy or nothing behind the resource, else failed |
//! | any other message | failed |
//!
//! A denial shows that a limit holds, and a failure shows nothing. So taking a denial for a failure is safe and the
//! reverse is not: messages in other languages, messages that may be cut off and everything unknown are failures.

use std::sync::LazyLock;

use super::{
    Outcome,
    authorization_message::{AuthorizationMessage, DenialReason, DenyingPolicy},
    content::non_empty,
};
use crate::record::{Record, UserIdentity};

/// Outcome of a call, and what the message says about a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallResult<'r> {
    /// The outcome.
    pub(crate) outcome: Outcome,
    /// Type of the policy that refused, if the message says so.
    pub(crate) denied_by: Option<DenyingPolicy>,
    /// The action that was refused, if the message names one that is not the called operation.
    pub(crate) denied_action: Option<&'r str>,
}

impl<'r> CallResult<'r> {
    /// The result of the call of a record.
    pub(crate) fn of(record: &'r Record<'_>) -> Self {
        let Some(code) = non_empty(&record.error_code) else {
            return Self::without_denial(Outcome::Succeeded);
        };
        let source = record.event_source.as_deref().unwrap_or_default();
        let service = source.split('.').next().unwrap_or_default();
        let plain = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
        let Some(of_code) = code_row(service, plain).filter(|row| row.verdict != Verdict::Failed) else {
            return Self::without_denial(Outcome::Failed);
        };
        let message = record.error_message.as_deref().unwrap_or_default().trim();
        if message.is_empty() || message == code {
            return of_code.result();
        }
        if let Some(row) = message_row(service, plain, of_code.verdict, message) {
            return row.result();
        }
        let denied = AuthorizationMessage::parse(message).filter(|said| {
            said.principal.is_some_and(|name| {
                is_caller(&record.user_identity, name)
                    || said.addresses_caller && is_named_like_caller(&record.user_identity, name)
            })
        });
        match denied {
            Some(AuthorizationMessage { action, reason: DenialReason::Policy(denied_by), .. }) => {
                let called = record.event_name.as_deref().unwrap_or_default();
                let denied_action = Some(action).filter(|action| !is_action_of(action, called));
                Self { outcome: Outcome::Denied, denied_by, denied_action }
            }
            _ => Self::without_denial(Outcome::Failed),
        }
    }

    const fn without_denial(outcome: Outcome) -> Self {
        Self { outcome, denied_by: None, denied_action: None }
    }
}

/// Whether a message that names `principal` is about the caller: by its ARN; if the record has none, by what it has
/// instead. A caller that cannot be compared is not the one that is named.
fn is_caller(identity: &UserIdentity<'_>, principal: &str) -> bool {
    let account = non_empty(&identity.account_id).or(non_empty(&identity.issuer_account_id));
    if principal.bytes().all(|byte| byte.is_ascii_digit()) {
        return account == Some(principal);
    }
    if let Some(arn) = non_empty(&identity.arn) {
        return arn == principal;
    }
    let is_unnamed = [&identity.issuer_arn, &identity.issuer_user_name, &identity.user_name]
        .into_iter()
        .all(|name| non_empty(name).is_none());
    match principal.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, _, _, named_account, named] => {
            account == Some(*named_account)
                && if is_unnamed {
                    is_of_account(identity, named)
                } else {
                    is_name_of_caller(identity, named)
                }
        }
        _ => principal == "anonymous" && is_unnamed,
    }
}

/// Whether the resource of an ARN, such as `assumed-role/NAME/SESSION`, is the caller of a record without an ARN that
/// has a session issuer or a user name. The record of a session has the name of the session in `principalId`.
fn is_name_of_caller(identity: &UserIdentity<'_>, named: &str) -> bool {
    let parts: Vec<&str> = named.split('/').collect();
    let issuer = non_empty(&identity.issuer_arn).and_then(|arn| arn.splitn(6, ':').nth(5));
    let issuer_name = match issuer {
        Some(issuer) => issuer.strip_prefix("role/").and_then(|role| role.rsplit('/').next()),
        None => non_empty(&identity.issuer_user_name),
    };
    let has_issuer = issuer.is_some() || issuer_name.is_some();
    let session = non_empty(&identity.principal_id).and_then(|id| id.split_once(':')).map(|(_, name)| name);
    match *parts.as_slice() {
        ["assumed-role", role, named] => {
            issuer_name == Some(role) && session.is_none_or(|session| session == named)
        }
        ["role", .., role] => issuer_name == Some(role),
        ["user", .., user] if !has_issuer => non_empty(&identity.user_name) == Some(user),
        _ => issuer == Some(named),
    }
}

/// Whether the resource of an ARN may be the caller of a record that names only the caller's account, as the records of
/// calls from other accounts do. Their `principalId` has the kind of the caller and the name of its session.
fn is_of_account(identity: &UserIdentity<'_>, named: &str) -> bool {
    if !matches!(identity.kind.as_deref(), None | Some("" | "AWSAccount")) {
        return false;
    }
    let Some(id) =
        non_empty(&identity.principal_id).filter(|id| Some(*id) != non_empty(&identity.account_id))
    else {
        return true;
    };
    match id.split_once(':') {
        Some((_, session)) => named.starts_with("assumed-role/") && named.rsplit('/').next() == Some(session),
        None => id.starts_with("AIDA") && named.starts_with("user/"),
    }
}

/// Whether the caller has this ARN except for the account. Records are published with other accounts in the ARN than in
/// the message; a message that addresses the caller means the caller all the same.
fn is_named_like_caller(identity: &UserIdentity<'_>, principal: &str) -> bool {
    let name = |arn: &str| arn.splitn(6, ':').nth(5).map(str::to_owned);
    name(principal).is_some_and(|one| non_empty(&identity.arn).and_then(name) == Some(one))
}

/// Whether the operation is called like the action, in any case and with or without the version of its API.
fn is_action_of(action: &str, called: &str) -> bool {
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    let split = called.split_at_checked(name.len());
    split.is_some_and(|(start, version)| {
        start.eq_ignore_ascii_case(name) && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    })
}

/// What the table says about a code or a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The caller was not authorized.
    Denied,
    /// Only the message can say that it was the caller.
    ByMessage,
    /// Not a denial of the caller.
    Failed,
}

/// A row of the table.
#[derive(Debug)]
struct OutcomeRow {
    service: &'static str,
    code: &'static str,
    /// In lower case, without a final period; empty for the row of a code.
    message: String,
    verdict: Verdict,
    denied_by: Option<DenyingPolicy>,
}

static TABLE: LazyLock<Vec<OutcomeRow>> =
    LazyLock::new(|| table_rows().filter_map(|row| OutcomeRow::parse(&row)).collect());

/// The columns of the rows, without comments and header.
fn table_rows() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = include_str!("../../data/outcomes.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).skip(1).map(|line| line.split('\t').collect())
}

impl OutcomeRow {
    fn parse(columns: &[&'static str]) -> Option<Self> {
        let [service, code, message, outcome, denied_by, _example, _why, _source] = *columns else {
            return None;
        };
        let message = if message == "-" { String::new() } else { normalized(message) };
        let verdict = match outcome {
            "denied" => Verdict::Denied,
            "by-message" => Verdict::ByMessage,
            "failed" => Verdict::Failed,
            _ => return None,
        };
        let denied_by = match denied_by {
            "-" => None,
            "resource_based_policy" => Some(DenyingPolicy::ResourceBasedPolicy),
            "vpc_endpoint_policy" => Some(DenyingPolicy::VpcEndpointPolicy),
            _ => return None,
        };
        Some(Self { service, code, message, verdict, denied_by })
    }

    fn is_of_service(&self, service: &str) -> bool {
        self.service == "*" || self.service == service
    }

    const fn result(&self) -> CallResult<'static> {
        match self.verdict {
            Verdict::Denied => {
                CallResult { outcome: Outcome::Denied, denied_by: self.denied_by, denied_action: None }
            }
            Verdict::ByMessage | Verdict::Failed => CallResult::without_denial(Outcome::Failed),
        }
    }
}

/// Whether a code says that the caller was not authorized, or may say so with its message. `service` is the name in
/// `eventSource`, such as `s3`.
pub fn may_be_denial(service: &str, code: &str) -> bool {
    code_row(service, code).is_some_and(|row| row.verdict != Verdict::Failed)
}

/// The row of a code: that of the service, else that of all services.
fn code_row(service: &str, code: &str) -> Option<&'static OutcomeRow> {
    let rows = TABLE.iter().filter(|row| row.message.is_empty() && row.code == code);
    rows.filter(|row| row.is_of_service(service)).max_by_key(|row| row.service != "*")
}

/// The row of a message. A row for any code is for codes that are denied without a message.
fn message_row(service: &str, code: &str, of_code: Verdict, message: &str) -> Option<&'static OutcomeRow> {
    let message = normalized(message);
    let is_of_code = |row: &&OutcomeRow| row.code == code || row.code == "*" && of_code == Verdict::Denied;
    let rows = TABLE.iter().filter(|row| !row.message.is_empty() && row.is_of_service(service));
    let rows = rows.filter(is_of_code).filter(|row| is_match(&row.message, &message));
    rows.max_by_key(|row| row.verdict == Verdict::Failed)
}

fn normalized(message: &str) -> String {
    message.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether `pattern`, in which `*` stands for any text, matches the whole message.
fn is_match(pattern: &str, message: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == message };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = message.strip_prefix(start).and_then(|inner| inner.strip_suffix(end));
    let Some(mut inner) = inner else { return false };
    for part in middle.split('*') {
        let Some((_, behind)) = inner.split_once(part) else { return false };
        inner = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/Auditor/s";

    fn record<'a>(service: &str, code: &'a str, message: &'a str) -> Record<'a> {
        Record {
            event_source: Some(format!("{service}.amazonaws.com").into()),
            event_name: Some("PutObject".into()),
            error_code: Some(code.into()),
            error_message: Some(message.into()).filter(|_| !message.is_empty()),
            user_identity: UserIdentity {
                arn: Some(CALLER.into()),
                account_id: Some("111122223333".into()),
                ..UserIdentity::default()
            },
            ..Record::default()
        }
    }

    fn outcome(service: &str, code: &str, message: &str) -> Outcome {
        CallResult::of(&record(service, code, message)).outcome
    }

    #[test]
    fn every_row_of_the_table_gives_its_outcome() {
        const SOURCES: [&str; 5] = [
            "https://docs.aws.amazon.com/",
            "https://repost.aws/",
            "https://github.com/",
            "botocore 1.44.5, ",
            "the code",
        ];
        let mut rows = 0;
        for columns in table_rows() {
            let row = OutcomeRow::parse(&columns).unwrap_or_else(|| panic!("{columns:?}"));
            let [service, code, message, _, _, example, why, source] = *columns else {
                panic!("{columns:?}")
            };
            assert!(!why.is_empty() && SOURCES.iter().any(|start| source.starts_with(start)), "{columns:?}");
            assert_eq!(message.contains('*'), example != "-", "{columns:?}");
            let text = match (message, example) {
                ("-", _) => String::new(),
                (text, "-") => text.to_owned(),
                (_, example) => example.replace("{caller}", CALLER),
            };
            let service = if service == "*" { "ec2" } else { service };
            let code = if code == "*" { "AccessDenied" } else { code };
            for text in [text.clone(), text.to_uppercase(), format!("{text}.")] {
                let record = record(service, code, if text == "." { "" } else { &text });
                let result = CallResult::of(&record);
                assert_eq!(
                    (result.outcome, result.denied_by),
                    (row.result().outcome, row.denied_by),
                    "{columns:?}"
                );
            }
            rows += 1;
        }
        assert!(rows > 100);
    }

    #[test]
    fn the_more_specific_row_of_a_code_decides() {
        assert_eq!(outcome("iot", "UnauthorizedException", ""), Outcome::Denied);
        assert_eq!(outcome("sso", "UnauthorizedException", ""), Outcome::Failed);
        assert_eq!(
            outcome("sso", "UnauthorizedException", "Session token not found or invalid"),
            Outcome::Failed
        );
        assert_eq!(outcome("ec2", "Client.UnauthorizedOperation", ""), Outcome::Denied);
        assert_eq!(CallResult::of(&Record::default()).outcome, Outcome::Succeeded);
        assert_eq!(outcome("s3", "", "x"), Outcome::Succeeded);
        assert_eq!(outcome("s3", "AccessDeniedException", "AccessDeniedException"), Outcome::Denied);
        assert_eq!(outcome("s3", "ForbiddenException", "ForbiddenException"), Outcome::Failed);
        assert_eq!(outcome("pi", "NotAuthorizedException", ""), Outcome::Failed);
        let off = "The resource db-x for service type RDS is not authorized for this account";
        assert_eq!(outcome("pi", "NotAuthorizedException", off), Outcome::Failed);
        let missing = format!("User: {CALLER} is not authorized to perform: iam:PassRole on resource: arn:r");
        assert_eq!(outcome("shield", "AccessDeniedForDependencyException", &missing), Outcome::Denied);
        assert_eq!(outcome("shield", "AccessDeniedForDependencyException", ""), Outcome::Failed);
    }

    #[test]
    fn a_bare_code_is_denied_for_every_service() {
        for service in ["ce", "lightsail", "macie2", "organizations", "pricing", "redshift", "s3", "shield"] {
            for code in ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"] {
                for message in
                    ["", code, "Access Denied", "You are not authorized to perform this operation."]
                {
                    assert_eq!(
                        outcome(service, code, message),
                        Outcome::Denied,
                        "{service} {code} {message}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_error_that_is_not_explained_is_a_refusal_of_sts_only() {
        let said = "An unknown error occurred";
        assert_eq!(outcome("sts", "AccessDenied", said), Outcome::Denied);
        for service in ["autoscaling", "sso", "s3"] {
            assert_eq!(outcome(service, "AccessDenied", said), Outcome::Failed, "{service}");
        }
    }

    #[test]
    fn messages_of_aws_about_the_caller_are_denials() {
        let perform = format!("User: {CALLER} is not authorized to perform: ");
        let denied = |service: &str, code: &'static str, said: &str| {
            let message = format!("{perform}{said}");
            assert_eq!(outcome(service, code, &message), Outcome::Denied, "{message}");
        };
        denied("sts", "AccessDenied", "sts:AssumeRole with an explicit deny in the role trust policy");
        denied(
            "codedeploy",
            "AccessDeniedException",
            "codedeploy:ListDeployments on resource: arn:aws:codedeploy:r:1:deploymentgroup:* with an explicit deny in a sessions policy",
        );
        denied(
            "sns",
            "AuthorizationError",
            "SNS:Publish on resource: arn:aws:sns:r:4:t with an explicit deny in a VPC endpoint policy transitively through a service control policy",
        );
        denied(
            "sqs",
            "AccessDenied",
            "sqs:receivemessage on resource: arn:aws:sqs:r:7:q because no identity-based policy allows the sqs:receivemessage action",
        );
        denied("iam", "AccessDenied", "iam:GetInstanceProfile on resource: instance profile x");
        denied("s3", "AccessDenied", "s3:PutObject on resource: \"arn:aws:s3:::b/a key\"");
        let ec2 = |end: &str| {
            let message = format!(
                "You are not authorized to perform this operation. {perform}ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/*{end} Encoded authorization failure message: abc-_"
            );
            assert_eq!(
                outcome("ec2", "Client.UnauthorizedOperation", &message),
                Outcome::Denied,
                "{message}"
            );
        };
        for end in [
            " because no identity-based policy allows the ec2:RunInstances action.",
            " with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/service_control_policy/p-1.",
            ".",
            "",
        ] {
            ec2(end);
        }
        let model = format!(
            "{perform}bedrock:InvokeModel on resource: arn:aws:bedrock:::m. Model access is not enabled for this account."
        );
        assert_eq!(outcome("bedrock", "AccessDeniedException", &model), Outcome::Failed);
    }

    #[test]
    fn only_the_caller_is_denied() {
        let said =
            |arn: &str| format!("User: {arn} is not authorized to perform: kms:Decrypt on resource: k");
        let by = |service: &str, code: &str, arn: &str| outcome(service, code, &said(arn));
        let role = "arn:aws:sts::111122223333:assumed-role/service-role/s";
        for code in
            ["AccessDenied", "KMSAccessDeniedException", "NotAuthorizedException", "ForbiddenException"]
        {
            assert_eq!(by("s3", code, CALLER), Outcome::Denied, "{code}");
            assert_eq!(by("s3", code, role), Outcome::Failed, "{code}");
        }
        let result = said(CALLER);
        let result = record("s3", "AccessDenied", &result);
        assert_eq!(CallResult::of(&result).denied_action, Some("kms:Decrypt"));
        // A message that addresses the caller, in a record with another account in one of the two.
        for (name, expected) in [("Auditor", Outcome::Denied), ("service-role", Outcome::Failed)] {
            let said = said(&format!("arn:aws:sts::444455556666:assumed-role/{name}/s"));
            assert_eq!(outcome("s3", "AccessDenied", &said), Outcome::Failed);
            let said = format!("You are not authorized to perform this operation. {said}");
            assert_eq!(outcome("ec2", "Client.UnauthorizedOperation", &said), expected);
        }
        // The record of a call from another account names only that account.
        let text = said("arn:aws:sts::444455556666:assumed-role/r/s");
        let account = |account: &'static str| UserIdentity {
            account_id: Some(account.into()),
            ..UserIdentity::default()
        };
        let from = |user_identity| {
            CallResult::of(&Record { user_identity, ..record("s3", "AccessDenied", &text) }).outcome
        };
        assert_eq!(from(account("444455556666")), Outcome::Denied);
        assert_eq!(from(account("111122223333")), Outcome::Failed);
        assert_eq!(from(UserIdentity::default()), Outcome::Failed);
        let with_id = |kind: &'static str, id: &'static str| UserIdentity {
            kind: Some(kind.into()),
            principal_id: Some(id.into()),
            ..account("444455556666")
        };
        for (kind, id, expected) in [
            ("AWSAccount", "AROAX:s", Outcome::Denied),
            ("AWSAccount", "AROAX:t", Outcome::Failed),
            ("AWSAccount", "AIDAX", Outcome::Failed),
            ("AWSAccount", "444455556666", Outcome::Denied),
            ("AssumedRole", "AROAX:s", Outcome::Failed),
            ("IAMUser", "AIDAX", Outcome::Failed),
        ] {
            assert_eq!(from(with_id(kind, id)), expected, "{kind} {id}");
        }
    }

    #[test]
    fn a_caller_without_an_arn_is_compared_by_its_role_or_name() {
        let role = UserIdentity {
            kind: Some("AssumedRole".into()),
            account_id: Some("111122223333".into()),
            principal_id: Some("AROAX:s".into()),
            issuer_arn: Some("arn:aws:iam::111122223333:role/a/path/Auditor".into()),
            issuer_user_name: Some("Auditor".into()),
            ..UserIdentity::default()
        };
        let only_name = UserIdentity { issuer_arn: None, principal_id: None, ..role.clone() };
        let user = UserIdentity {
            account_id: Some("111122223333".into()),
            user_name: Some("jane".into()),
            ..UserIdentity::default()
        };
        let federated =
            UserIdentity { issuer_arn: Some("arn:aws:iam::111122223333:user/jane".into()), ..role.clone() };
        for (identity, named, is_same) in [
            (&role, "sts::111122223333:assumed-role/Auditor/s", true),
            (&role, "sts::111122223333:assumed-role/Auditor/t", false),
            (&role, "sts::111122223333:assumed-role/service-role/s", false),
            (&role, "sts::444455556666:assumed-role/Auditor/s", false),
            (&role, "iam::111122223333:role/a/path/Auditor", true),
            (&role, "iam::111122223333:role/service-role", false),
            (&role, "iam::111122223333:user/Auditor", false),
            (&role, "iam::111122223333:root", false),
            (&only_name, "sts::111122223333:assumed-role/Auditor/any", true),
            (&only_name, "sts::111122223333:assumed-role/other/any", false),
            (&only_name, "iam::111122223333:role/a/path/Auditor", true),
            (&only_name, "iam::111122223333:role/other", false),
            (&user, "iam::111122223333:user/a/path/jane", true),
            (&user, "iam::111122223333:user/joe", false),
            (&user, "sts::111122223333:assumed-role/jane/s", false),
            (&federated, "iam::111122223333:user/jane", true),
            (&federated, "sts::111122223333:assumed-role/jane/s", false),
        ] {
            let message =
                format!("User: arn:aws:{named} is not authorized to perform: kms:Decrypt on resource: k");
            let record = Record { user_identity: identity.clone(), ..record("s3", "AccessDenied", &message) };
            let expected = if is_same { Outcome::Denied } else { Outcome::Failed };
            assert_eq!(CallResult::of(&record).outcome, expected, "{named}");
        }
    }

    #[test]
    fn a_message_that_names_no_principal_does_not_show_that_the_caller_was_denied() {
        for start in ["User", "User:"] {
            let said = format!(
                "{start} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/r"
            );
            assert_eq!(outcome("codebuild", "AccessDenied", &said), Outcome::Failed, "{said}");
        }
    }

    #[test]
    fn an_action_that_is_the_called_operation_is_not_named() {
        for (action, called, same) in [
            ("s3:PutObject", "PutObject", true),
            ("SNS:listTopics", "ListTopics", true),
            ("lambda:CreateFunction", "CreateFunction20150331", true),
            ("lambda:UpdateFunctionCode", "UpdateFunctionCode20150331v2", false),
            ("iam:PassRole", "RunInstances", false),
            ("s3:ListBucket", "ListBuckets", false),
        ] {
            assert_eq!(is_action_of(action, called), same, "{action} {called}");
        }
    }

    #[test]
    fn patterns_match_whole_messages() {
        for (pattern, message, matches) in [
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("ab*bc", "abc", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a--c", false),
            ("a*", "abc", true),
            ("abc", "abcd", false),
            ("*c", "dc", true),
        ] {
            assert_eq!(is_match(pattern, message), matches, "{pattern} {message}");
        }
    }

    /// Text of a resource that says what messages say.
    fn hostile() -> impl Strategy<Value = String> {
        let said = prop::sample::select(vec![
            "arn:aws:s3:::b/",
            " because no identity-based policy allows the s3:PutObject action",
            " with an explicit deny in a service control policy",
            " with an explicit deny",
            "Access Denied",
            "User: arn:aws:sts::111122223333:assumed-role/Auditor/s is not authorized to perform: s3:PutObject",
            " on resource: ",
            " Encoded authorization failure message: x",
            "You are not authorized to perform this operation. ",
            " is denied.",
            "\n",
            ".",
        ]);
        prop::collection::vec(prop_oneof![said.prop_map(String::from), ".{0,8}"], 0..6)
            .prop_map(|parts| parts.concat())
    }

    proptest! {
        /// The direction that must not fail: a failure is never called a denial.
        #[test]
        fn the_name_of_a_resource_turns_no_failure_into_a_denial(name in hostile(), long in 0..1200_usize) {
            let name = name + &"k".repeat(long);
            let role = "arn:aws:iam::111122223333:role/service-role";
            for message in [
                format!("User: {CALLER} is not authorized to perform: s3:PutObject on resource: \"{name}\" because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."),
                format!("User: {role} is not authorized to perform: s3:PutObject on resource: {name}"),
                format!("User: {CALLER} is not authorized to perform: s3:PutObject on resource: {name}. Access is not enabled for this account."),
                format!("User: {CALLER} is not authorized to perform: s3:PutObject on resource: \"{name}\". The account is suspended"),
                format!("The service role {name} does not have permission to do this"),
                format!("Lambda was unable to decrypt {name}"),
            ] {
                // CloudTrail cuts messages off.
                let cut: String = message.chars().take(1_024).collect();
                prop_assert_eq!(outcome("s3", "AccessDenied", &cut), Outcome::Failed, "{}", cut);
            }
            for code in ["ValidationException", "NoSuchKey", "InvalidParameterValueException"] {
                prop_assert_eq!(outcome("s3", code, &name), Outcome::Failed);
            }
        }

        #[test]
        fn the_name_of_a_resource_does_not_change_who_denied(name in hostile()) {
            let end = "with an explicit deny in a resource control policy";
            let message = format!("User: {CALLER} is not authorized to perform: s3:PutObject on resource: \"{name}\" {end}");
            prop_assume!(message.len() < 1_000);
            let record = record("s3", "AccessDenied", &message);
            let result = CallResult::of(&record);
            prop_assert_eq!((result.outcome, result.denied_by), (Outcome::Denied, Some(DenyingPolicy::ResourceControlPolicy)));
        }

        #[test]
        fn a_code_that_is_not_in_the_table_is_failed(code in "[A-Za-z.]{1,30}", message in hostile()) {
            let plain = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(&code);
            prop_assume!(TABLE.iter().all(|row| row.code != plain));
            prop_assert_eq!(outcome("s3", &code, &message), Outcome::Failed);
        }

        #[test]
        fn no_message_panics(code in prop::sample::select(vec!["AccessDenied", "KMSAccessDenied"]), message in ".*") {
            let record = Record { error_message: Some(Cow::from(message)), ..record("s3", code, "") };
            let result = CallResult::of(&record);
            prop_assert!(result.outcome != Outcome::Succeeded);
        }
    }
}
