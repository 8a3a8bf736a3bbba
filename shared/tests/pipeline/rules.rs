//! Each rule on its smallest matching case, and on a similar case that it must not match.

use onlooker_core::{
    config::{Override, Watch},
    event::{DenyingPolicy, Event, EventKind, Outcome},
    finding::{RULES, Severity},
    grants::DatedSnapshot,
    log_integrity::{HourProblem, IntegritySummary, ProblemKind},
    principal::PrincipalKind,
    record::UnreadableReason,
    score::Status,
    time::{HOUR_SECONDS, Time},
};

use super::{
    events::{
        ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, auditor_call, hours, override_ending,
    },
    policies::{snapshot, with_auditor_grants},
};

/// A verification with one problem in the first hour.
fn verified_with(kind: ProblemKind) -> IntegritySummary {
    let problem = HourProblem {
        account: ACCOUNTS[0].to_owned(),
        region: REGIONS[0].to_owned(),
        since: Time(START),
        until: Time(START + HOUR_SECONDS),
        kind,
        file: "a.json.gz".to_owned(),
    };
    IntegritySummary { problems: vec![problem], ..IntegritySummary::default() }
}

/// A scenario in which a rule has one finding, with its subject and count, and a similar one in which it has none.
struct RuleCase {
    rule: &'static str,
    matching: EvidenceScenario,
    subject: &'static str,
    count: u64,
    similar: EvidenceScenario,
}

impl RuleCase {
    #[track_caller]
    fn assert_holds(self) {
        let found = self.matching.findings_of(self.rule);
        let [finding] = &*found else { panic!("{}: {found:#?}", self.rule) };
        assert_eq!((finding.subject.as_str(), finding.count), (self.subject, self.count), "{}", self.rule);
        assert!(!finding.description.is_empty() && !finding.recommendation.is_empty());
        let beside = self.similar.findings_of(self.rule);
        assert!(beside.is_empty(), "{}: {beside:#?}", self.rule);

        // The finding keeps its fingerprint when more evidence is added.
        let more = self.matching.clone().with(|scenario| {
            let again = scenario.events.clone().into_iter().map(|event| event.with_id(0));
            let other = auditor_call("DescribeInstances").by_principal("Builder").at_time(0, 5);
            scenario.events.extend((500..).zip(again.chain([other])).map(|(id, event)| event.with_id(id)));
        });
        let again = more.findings_of(self.rule);
        assert_eq!(
            again.iter().filter(|one| one.fingerprint == finding.fingerprint).count(),
            1,
            "{}: {again:#?}",
            self.rule
        );
        let all = self.matching.result().findings;
        assert_eq!(all.iter().filter(|one| one.fingerprint == finding.fingerprint).count(), 1, "{all:#?}");
    }
}

macro_rules! cases {
    ($($name:ident: $rule:literal, $subject:expr, $count:expr, $found:expr, $beside:expr;)+) => {
        $(
            #[test]
            fn $name() {
                RuleCase { rule: $rule, subject: $subject, count: $count, matching: $found, similar: $beside }.assert_holds();
            }
        )+

        #[test]
        fn every_rule_has_a_case() {
            let mut tested = vec![$($rule),+];
            let mut known: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
            tested.sort_unstable();
            tested.dedup();
            known.sort_unstable();
            assert_eq!(tested, known);
        }
    };
}

fn read() -> Event {
    auditor_call("DescribeInstances")
}

fn write() -> Event {
    auditor_call("RunInstances")
}

/// The promise with its auditor marked as a machine, or not.
/// The longest time that an override may last without being wide.
const YEAR: u32 = 366 * 86_400;

/// An override for one operation of one principal, without a start.
fn narrow_override(ends: u32) -> Override {
    let principal = format!("arn:aws:iam::{}:role/Auditor", ACCOUNTS[0]);
    Override { principal, ..override_ending("one", "ec2:RunInstances", ends) }
}

fn machine(is_one: bool, event: Event) -> EvidenceScenario {
    EvidenceScenario::of([event]).with(|scenario| scenario.config.watch[0].machine = is_one)
}

/// As many calls, of which the first `failed` fail.
fn failing_scenario(calls: u32, failed: u32) -> EvidenceScenario {
    EvidenceScenario::of((0..calls).map(|n| {
        let outcome = if n < failed { Outcome::Failed } else { Outcome::Succeeded };
        read().at_time(0, n).with_outcome(outcome)
    }))
}

/// The event, by an auditor with policies that allow these actions.
fn with_grants(event: Event, actions: &[&str]) -> EvidenceScenario {
    with_auditor_grants(EvidenceScenario::of([event]), actions)
}

/// An allow under a condition that policies alone do not decide.
fn conditional_allow(action: &str) -> serde_json::Value {
    let condition = serde_json::json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
    serde_json::json!([
        {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition},
    ])
}

/// The event with another operation, `readOnly` flag and kind.
fn event_of(source: &str, name: &str, read_only: Option<bool>, kind: EventKind) -> Event {
    let mut event = read();
    event.call_key.source = source.into();
    event.call_key.name = name.into();
    event.call_key.read_only = read_only;
    event.call_key.kind = kind;
    event
}

fn throttled(call: Event) -> Event {
    with_code(call, "ThrottlingException")
}

fn failed_with(code: &str) -> Event {
    with_code(read(), code)
}

fn with_code(call: Event, code: &str) -> Event {
    let mut call = call.with_outcome(Outcome::Failed);
    call.call_key.error_code = Some(code.into());
    call
}

fn console_action(read_only: Option<bool>) -> Event {
    event_of("billingconsole.amazonaws.com", "SetThing", read_only, EventKind::ConsoleAction)
}

fn unnamed_key_use() -> Event {
    auditor_call("Decrypt").invoked_by("AWS Internal")
}

cases! {
    a_flag_that_contradicts_the_catalog_is_found_and_one_that_agrees_is_not:
        "source-conflict", "ec2:DescribeInstances", 1,
        EvidenceScenario::of([event_of("ec2.amazonaws.com", "DescribeInstances", Some(false), EventKind::ApiCall)]),
        EvidenceScenario::of([read(), write(), auditor_call("Decrypt"), auditor_call("AssumeRole")]);
    a_read_that_spends_money_is_found_and_one_that_was_denied_is_not:
        "cost-incurred", "bedrock:InvokeModel", 1,
        EvidenceScenario::of([event_of("bedrock.amazonaws.com", "InvokeModel", Some(true), EventKind::ApiCall)]),
        EvidenceScenario::of([event_of("bedrock.amazonaws.com", "InvokeModel", Some(true), EventKind::ApiCall).with_outcome(Outcome::Denied)]);
    an_unidentified_write_in_the_console_is_found_and_an_unauthenticated_call_is_not:
        "unidentified-write", "billingconsole.amazonaws.com:SetThing", 1,
        EvidenceScenario::of([read(), console_action(Some(false)).by_principal("unidentified")]),
        EvidenceScenario::of([read(), event_of("cognito-identity.amazonaws.com", "GetId", Some(false), EventKind::ApiCall).by_principal("unidentified")]);
    an_unknown_operation_in_the_console_is_found_and_a_sign_in_is_not:
        "unknown-operation", "billingconsole.amazonaws.com:SetThing", 1,
        EvidenceScenario::of([console_action(None)]),
        EvidenceScenario::of([event_of("signin.amazonaws.com", "ExternalIdPDirectoryLogin", Some(false), EventKind::SignIn).with_outcome(Outcome::Failed)]);
    a_write_under_the_name_of_a_service_event_is_found_and_the_service_event_is_not:
        "write-succeeded", "kms:RotateKey", 1,
        EvidenceScenario::of([event_of("kms.amazonaws.com", "RotateKey", Some(false), EventKind::ApiCall)]),
        EvidenceScenario::of([auditor_call("RotateKey")]);
    an_unknown_service_with_a_mutating_name_is_found_and_one_with_a_reading_name_is_not:
        "unknown-operation", "novel.amazonaws.com:EraseThing", 1,
        EvidenceScenario::of([event_of("novel.amazonaws.com", "EraseThing", Some(true), EventKind::ApiCall)]),
        EvidenceScenario::of([event_of("novel.amazonaws.com", "ListThings", Some(true), EventKind::ApiCall)]);
    the_use_of_a_key_by_an_unnamed_service_is_found_unless_a_call_of_its_own_explains_it:
        "privileged-call", "kms:Decrypt", 1,
        EvidenceScenario::of([auditor_call("GetSecretValue").at_time(3, 0), unnamed_key_use()]),
        EvidenceScenario::of([auditor_call("GetSecretValue").at_time(0, 890), unnamed_key_use().at_time(0, 901)]);
    the_call_of_another_principal_explains_no_use_of_a_key:
        "privileged-call", "kms:Decrypt", 1,
        EvidenceScenario::of([auditor_call("GetSecretValue").by_principal("Builder"), unnamed_key_use()]),
        EvidenceScenario::of([auditor_call("GetObject"), unnamed_key_use()]);
    a_root_call_is_found_and_what_a_service_made_for_the_root_user_is_not:
        "root-use", "root user", 1,
        EvidenceScenario::of([read().by_principal("root")]),
        EvidenceScenario::of([read().by_principal("root").invoked_by("AWS Internal"), auditor_call("RotateKey").by_principal("root")]);
    a_write_that_succeeded_is_found_and_one_that_was_denied_is_not:
        "write-succeeded", "ec2:RunInstances", 1,
        EvidenceScenario::of([write()]), EvidenceScenario::of([write().with_outcome(Outcome::Denied)]);
    a_decryption_is_found_and_one_on_behalf_of_another_call_is_not:
        "privileged-call", "kms:Decrypt", 1,
        EvidenceScenario::of([auditor_call("Decrypt")]), EvidenceScenario::of([auditor_call("Decrypt").invoked_by("ssm.amazonaws.com")]);
    a_role_assumed_through_a_service_is_found_unless_another_principal_did_it:
        "privileged-call", "sts:AssumeRole", 1,
        EvidenceScenario::of([auditor_call("AssumeRole").invoked_by("cloudformation.amazonaws.com")]),
        EvidenceScenario::of([auditor_call("AssumeRole").by_principal("Builder")]);
    a_write_that_failed_is_found_and_one_that_was_denied_is_not:
        "write-failed", "ec2:RunInstances", 1,
        EvidenceScenario::of([write().with_outcome(Outcome::Failed)]), EvidenceScenario::of([write().with_outcome(Outcome::Denied)]);
    a_privileged_call_that_failed_is_found_and_a_read_that_failed_is_not:
        "write-failed", "kms:Decrypt", 1,
        EvidenceScenario::of([auditor_call("Decrypt").with_outcome(Outcome::Failed)]), EvidenceScenario::of([read().with_outcome(Outcome::Failed)]);
    a_write_that_was_throttled_is_found_and_one_that_failed_otherwise_is_not:
        "write-not-processed", "ec2:RunInstances", 1,
        EvidenceScenario::of([throttled(write())]), EvidenceScenario::of([write().with_outcome(Outcome::Failed)]);
    an_unknown_operation_is_found_and_that_of_an_unwatched_principal_is_not:
        "unknown-operation", "novel.amazonaws.com:Frobnicate", 1,
        EvidenceScenario::of([auditor_call("Frobnicate")]), EvidenceScenario::of([auditor_call("Frobnicate").by_principal("Builder")]);
    without_a_promise_every_unknown_operation_is_found_and_no_known_one:
        "unknown-operation", "novel.amazonaws.com:Frobnicate", 1,
        EvidenceScenario::of([auditor_call("Frobnicate").by_principal("Builder")]).with(|scenario| scenario.config.watch.clear()),
        EvidenceScenario::of([write().by_principal("Builder")]).with(|scenario| scenario.config.watch.clear());
    a_returned_secret_is_found_and_a_denied_one_is_not:
        "secret-read", "secretsmanager:GetSecretValue", 1,
        EvidenceScenario::of([auditor_call("GetSecretValue")]), EvidenceScenario::of([auditor_call("GetSecretValue").with_outcome(Outcome::Denied)]);
    a_call_by_the_root_user_is_found_and_one_by_a_role_is_not:
        "root-use", "root user", 1,
        EvidenceScenario::of([auditor_call("ListUsers").by_principal("root")]), EvidenceScenario::of([auditor_call("ListUsers").by_principal("Builder")]);
    a_sign_in_of_root_is_found_and_that_of_a_role_is_not:
        "root-use", "root user", 1,
        EvidenceScenario::of([auditor_call("ConsoleLogin").by_principal("root")]), EvidenceScenario::of([auditor_call("ConsoleLogin")]);
    two_contents_of_one_event_are_found_and_one_content_twice_is_not:
        "conflicting-evidence", "event identity", 1,
        EvidenceScenario::of([read().with_id(9), read().with_id(9).at_time(0, 1)]),
        EvidenceScenario::of([read().with_id(9), read().with_id(9)]);
    an_id_in_two_accounts_is_two_events_and_no_conflict:
        "conflicting-evidence", "event identity", 1,
        EvidenceScenario::of([read().with_id(9), write().with_id(9)]),
        EvidenceScenario::of([read().with_id(9), write().with_id(9).in_account_region(ACCOUNTS[1], REGIONS[0])]);
    an_unreadable_record_is_found_and_an_insight_event_is_not:
        "unreadable-evidence", "not JSON", 1,
        EvidenceScenario::of([read()]).with(|scenario| scenario.unreadable = vec![(1, UnreadableReason::BadJson), (1, UnreadableReason::BadJson)]),
        EvidenceScenario::of([read()]).with(|scenario| scenario.insights.push(1));
    an_anonymous_write_is_found_and_an_anonymous_read_is_not:
        "unidentified-write", "ec2:RunInstances", 1,
        EvidenceScenario::of([read(), write().by_principal("unidentified")]), EvidenceScenario::of([read(), read().by_principal("unidentified")]);
    a_listed_log_file_is_missing_unless_its_oldest_and_newest_events_are_present:
        "missing-logs", "111122223333 us-east-1", 1,
        EvidenceScenario::of([read(), read().at_time(0, 9)]).with(|scenario| {
            scenario.digests.push((ACCOUNTS[0], REGIONS[0], 0));
            scenario.listed_log_spans.push((0, 10));
        }),
        EvidenceScenario::of([read(), read().at_time(0, 9)]).with(|scenario| {
            scenario.digests.push((ACCOUNTS[0], REGIONS[0], 0));
            scenario.listed_log_spans.push((0, 9));
        });
    a_tampered_log_file_is_found_and_a_missing_one_is_not:
        "tampered-log-files", "111122223333 us-east-1", 1,
        EvidenceScenario::of([read()]).with(|scenario| scenario.integrity = Some(verified_with(ProblemKind::LogFileHash))),
        EvidenceScenario::of([read()]).with(|scenario| scenario.integrity = Some(verified_with(ProblemKind::LogFileMissing)));
    a_change_of_logging_is_found_and_a_look_at_it_is_not:
        "logging-changed", "cloudtrail:StopLogging", 1,
        EvidenceScenario::of([read(), write().calling("cloudtrail.amazonaws.com", "StopLogging").by_principal("Builder")]),
        EvidenceScenario::of([read(), read().calling("cloudtrail.amazonaws.com", "GetTrailStatus").by_principal("Builder")]);
    an_hour_without_evidence_is_found_and_one_with_a_digest_is_not:
        "missing-hours", "111122223333 us-east-1", 1,
        EvidenceScenario::of([read(), read().at_time(2, 0)]),
        EvidenceScenario::of([read(), read().at_time(2, 0)]).with(|scenario| scenario.digests.push((ACCOUNTS[0], REGIONS[0], 1)));
    a_digest_of_another_region_covers_nothing:
        "missing-hours", "111122223333 us-east-1", 1,
        EvidenceScenario::of([read(), read().at_time(2, 0)])
            .with(|scenario| scenario.digests.extend([0, 1, 2].map(|hour| (ACCOUNTS[0], REGIONS[1], hour)))),
        EvidenceScenario::of([read(), read().at_time(1, 0)]);
    an_unlogged_event_class_is_found_and_one_outside_the_promise_is_not:
        "event-class-not-logged", "data", 1,
        EvidenceScenario::of([read()]).with(|scenario| drop(scenario.config.coverage.logged.pop())),
        EvidenceScenario::of([read()]).with(|scenario| {
            scenario.config.coverage.logged.pop();
            scenario.config.coverage.event_classes = scenario.config.coverage.logged.clone();
        });
    a_write_that_was_denied_is_found_and_a_read_that_was_denied_is_not:
        "write-denied", "ec2:RunInstances", 1,
        EvidenceScenario::of([write().with_outcome(Outcome::Denied)]), EvidenceScenario::of([read().with_outcome(Outcome::Denied)]);
    a_machine_in_the_console_is_found_and_a_person_is_not:
        "console-use-by-machine", "console", 1,
        machine(true, read().in_console()), machine(false, read().in_console());
    a_machine_that_signs_in_is_found_and_one_that_calls_an_api_is_not:
        "console-use-by-machine", "console", 1,
        machine(true, auditor_call("ConsoleLogin")), machine(true, read());
    more_errors_than_the_threshold_are_found_and_exactly_as_many_are_not:
        "high-error-rate", "errors", 5,
        failing_scenario(20, 5), failing_scenario(20, 4);
    denied_calls_count_as_errors_and_few_calls_are_not_evaluated:
        "high-error-rate", "errors", 20,
        EvidenceScenario::of((0..20).map(|n| write().at_time(0, n).with_outcome(Outcome::Denied))), failing_scenario(19, 19);
    credentials_that_aws_does_not_accept_are_found_and_expired_ones_are_not:
        "critical-errors", "InvalidClientTokenId", 1,
        EvidenceScenario::of([failed_with("InvalidClientTokenId")]), EvidenceScenario::of([failed_with("ExpiredToken")]);
    a_call_that_failed_for_lack_of_access_is_found_and_one_that_the_principal_was_denied_is_not:
        "permission-issues", "ec2:DescribeInstances", 1,
        EvidenceScenario::of([failed_with("Client.OptInRequired")]),
        EvidenceScenario::of([read().with_outcome(Outcome::Denied), failed_with("ThrottlingException")]);
    a_call_after_its_override_ended_is_found_and_one_before_is_not:
        "override-expired", "old", 1,
        EvidenceScenario::of([write().at_time(1, 0)]).with(|scenario| scenario.config.overrides.push(override_ending("old", "ec2:*", HOUR_SECONDS))),
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(override_ending("old", "ec2:*", HOUR_SECONDS)));
    a_promise_without_an_observed_principal_is_found_and_one_with_is_not:
        "principal-not-seen", "promise", 0,
        EvidenceScenario::of([read().by_principal("Builder")]), EvidenceScenario::of([auditor_call("ConsoleLogin")]);
    a_misspelled_promise_is_found_and_the_right_one_is_not:
        "principal-not-seen", "promise", 0,
        EvidenceScenario::of([read()]).with(|scenario| scenario.config.watch.push(Watch::new("arn:aws:iam::111122223333:role/Auditer").unwrap())),
        EvidenceScenario::of([read()]).with(|scenario| scenario.config.watch.push(Watch::new("arn:aws:iam::111122223333:role/Auditor").unwrap()));
    a_promise_within_a_wider_one_counts_as_observed_and_an_unmatched_one_does_not:
        "principal-not-seen", "promise", 0,
        EvidenceScenario::of([read()]).with(|scenario| scenario.config.watch.push(Watch::new("arn:aws:iam::*:role/Absent").unwrap())),
        EvidenceScenario::of([read()])
            .with(|scenario| scenario.config.watch.insert(0, Watch::new("arn:aws:iam::*:role/*").unwrap()));
    a_call_before_business_hours_is_found_and_one_in_the_first_minute_is_not:
        "outside-business-hours", "outside business hours", 1,
        EvidenceScenario::of([read().at_time(8, 3_599)]).with(|scenario| scenario.config.business_hours = Some(hours("09:00", "17:00"))),
        EvidenceScenario::of([read().at_time(9, 0)]).with(|scenario| scenario.config.business_hours = Some(hours("09:00", "17:00")));
    business_hours_of_a_principal_override_the_general_ones:
        "outside-business-hours", "outside business hours", 1,
        EvidenceScenario::of([read().at_time(12, 0)]).with(|scenario| {
            scenario.config.business_hours = Some(hours("09:00", "17:00"));
            scenario.config.watch[0].business_hours = Some(hours("00:00", "06:00"));
        }),
        EvidenceScenario::of([read().at_time(3, 0)]).with(|scenario| {
            scenario.config.business_hours = Some(hours("09:00", "17:00"));
            scenario.config.watch[0].business_hours = Some(hours("00:00", "06:00"));
        });
    returned_customer_data_is_found_and_a_denied_read_is_not:
        "data-read", "s3:GetObject", 1,
        EvidenceScenario::of([auditor_call("GetObject")]), EvidenceScenario::of([auditor_call("GetObject").with_outcome(Outcome::Denied)]);
    a_secret_is_not_also_customer_data:
        "data-read", "s3:GetObject", 1,
        EvidenceScenario::of([auditor_call("GetObject"), auditor_call("GetSecretValue")]), EvidenceScenario::of([auditor_call("GetSecretValue")]);
    a_read_that_was_denied_is_found_and_one_that_failed_is_not:
        "read-denied", "ec2:DescribeInstances", 1,
        EvidenceScenario::of([read().with_outcome(Outcome::Denied)]), EvidenceScenario::of([read().with_outcome(Outcome::Failed)]);
    an_unclassified_principal_is_found_and_an_exempt_one_is_not:
        "unclassified-principal", ACCOUNTS[0], 1,
        EvidenceScenario::of([read(), write().by_principal("Builder")]),
        EvidenceScenario::of([read(), write().by_principal("Builder")])
            .with(|scenario| scenario.config.exempt.push("arn:aws:iam::*:role/Build*".to_owned()));
    services_and_the_root_user_are_never_unclassified:
        "unclassified-principal", ACCOUNTS[0], 1,
        EvidenceScenario::of([read(), read().by_principal("Builder")]),
        EvidenceScenario::of([read(), auditor_call("RotateKey").by_principal("service:kms"), read().by_principal("root")]);
    an_unused_override_is_found_and_a_used_one_is_not:
        "override-unused", "spare", 0,
        EvidenceScenario::of([read()]).with(|scenario| scenario.config.overrides.push(override_ending("spare", "ec2:*", HOUR_SECONDS))),
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(override_ending("spare", "ec2:*", HOUR_SECONDS)));
    an_override_with_wildcards_is_found_and_one_for_one_principal_and_operation_is_not:
        "override-wide", "any", 1,
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(override_ending("any", "ec2:*", HOUR_SECONDS))),
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(narrow_override(HOUR_SECONDS)));
    an_override_longer_than_a_year_is_found_and_one_of_a_year_is_not:
        "override-wide", "one", 1,
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(narrow_override(YEAR + HOUR_SECONDS + 1))),
        EvidenceScenario::of([write()]).with(|scenario| scenario.config.overrides.push(narrow_override(YEAR + HOUR_SECONDS)));
    policies_that_grant_writes_are_found_and_those_that_grant_reads_are_not:
        "over-privileged", "policies", 2,
        with_grants(read(), &["ec2:RunInstances", "ec2:CreateTags", "ec2:DescribeInstances"]), with_grants(read(), &["ec2:Describe*"]);
    a_grant_to_issue_credentials_is_found_and_one_to_list_keys_is_not:
        "can-issue-credentials", "credentials", 1,
        with_grants(read(), &["iam:CreateAccessKey"]), with_grants(read(), &["iam:ListAccessKeys"]);
    a_privilege_escalation_path_is_found_and_half_of_one_is_not:
        "escalation-path", "pass-role-to-lambda", 1,
        with_grants(read(), &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]),
        with_grants(read(), &["lambda:CreateFunction", "lambda:InvokeFunction"]);
    an_unused_grant_is_found_and_a_used_one_is_not:
        "unused-grant", "policies", 1,
        with_grants(read(), &["ec2:DescribeInstances", "ec2:DescribeVpcs"]), with_grants(read(), &["ec2:DescribeInstances"]);
    a_denied_call_outside_its_permissions_is_found_and_one_within_is_not:
        "denied-outside-permissions", "ec2", 1,
        with_grants(write().with_outcome(Outcome::Denied), &["ec2:Describe*"]),
        with_grants(write().with_outcome(Outcome::Denied), &["ec2:RunInstances"]);
    a_conditional_grant_is_found_and_an_unconditional_one_is_not:
        "indeterminate-grant", "conditional", 1,
        EvidenceScenario::of([read()]).with(|scenario| {
            scenario.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", conditional_allow("ec2:RunInstances"))));
        }),
        with_grants(read(), &["ec2:RunInstances", "ec2:DescribeInstances"]);
    a_used_action_without_a_grant_is_found_and_a_granted_one_is_not:
        "indeterminate-grant", "used:ec2:DescribeInstances", 1,
        with_grants(read(), &["ec2:DescribeVpcs"]), with_grants(read(), &["ec2:DescribeInstances"]);
}

#[test]
fn a_finding_names_its_earliest_events_and_its_span() {
    let scenario = EvidenceScenario::of((0..5).map(|n| write().at_time(4 - n, 30)));
    let found = &scenario.findings_of("write-succeeded")[0];
    let ids: Vec<String> = [5, 4, 3].map(|id| onlooker_core::event::EventId(id).to_string()).to_vec();
    assert_eq!(found.sample_event_ids, ids, "the earliest three, in order of time");
    assert_eq!(found.first_seen.map(|time| time.0), Some(START + 30));
    assert_eq!(found.last_seen.map(|time| time.0), Some(START + 4 * HOUR_SECONDS + 30));
    assert_eq!((found.count, found.severity), (5, Severity::Critical));
    let entries = scenario.result().audit_entries;
    assert_eq!(
        entries.iter().map(|entry| &entry.event_id).collect::<Vec<_>>(),
        ids.iter().collect::<Vec<_>>()
    );
}

#[test]
fn a_report_lists_as_many_audit_entries_as_the_setting_allows_and_says_how_many_there_are() {
    let with_most = |most: u32| {
        EvidenceScenario::of((0..5).map(|n| write().at_time(4 - n, 30)))
            .with(|scenario| scenario.config.audit.max_audit_entries = most)
            .result()
    };
    let (all, some) = (with_most(3), with_most(2));
    let told =
        |limitations: &[String]| limitations.iter().any(|line| line.contains("audit.max_audit_entries"));
    assert_eq!((all.audit_entries.len(), all.audit_entries_omitted, told(&all.limitations)), (3, 0, false));
    assert_eq!(some.audit_entries, all.audit_entries[..2]);
    assert_eq!(some.audit_entries_omitted, 1);
    assert!(some.limitations.iter().any(|line| line.starts_with("2 of 3 audit entries are listed")));
}

#[test]
fn fingerprints_differ_by_rule_principal_and_subject_and_by_nothing_else() {
    let of =
        |event: Event, rule: &str| EvidenceScenario::of([event]).findings_of(rule)[0].fingerprint.clone();
    let one = of(write(), "write-succeeded");
    assert_eq!(
        one,
        of(write().at_time(7, 7).in_account_region(ACCOUNTS[0], REGIONS[1]).in_console(), "write-succeeded")
    );
    assert_ne!(
        one,
        of(write().in_account_region(ACCOUNTS[1], REGIONS[0]), "write-succeeded"),
        "another principal"
    );
    assert_ne!(one, of(auditor_call("CreateTags"), "write-succeeded"), "another operation");
    assert_ne!(one, of(write().with_outcome(Outcome::Denied), "write-denied"), "another rule");
    // Users track findings by fingerprint over years: this one must not change.
    assert_eq!(one, "1d6f324139dd6711902477c41b02d7e5");
}

#[test]
fn findings_come_most_severe_first_and_then_in_the_order_of_the_rules() {
    let findings = EvidenceScenario::of([
        read().with_outcome(Outcome::Denied),
        auditor_call("GetSecretValue"),
        auditor_call("Decrypt"),
        write(),
        auditor_call("RunInstances").with_outcome(Outcome::Denied),
        read().by_principal("Builder"),
    ])
    .result()
    .findings;
    let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    let expected = [
        "write-succeeded",
        "privileged-call",
        "secret-read",
        "write-denied",
        "read-denied",
        "unclassified-principal",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_denied_call_names_the_type_of_policy_and_the_action_that_was_denied() {
    let launch = || auditor_call("RunInstances");
    let scp = DenyingPolicy::ServiceControlPolicy;
    let observed = |events: Vec<Event>| {
        let found = EvidenceScenario::of(events).findings_of("write-denied");
        let sentence = found[0].description.split(". ").next().unwrap().to_owned();
        (found.len(), sentence)
    };
    let one = "`ec2:RunInstances` was denied by a service control policy: 2 calls";
    assert_eq!(
        observed(vec![launch().denied_by(scp, None), launch().denied_by(scp, None)]),
        (1, one.to_owned())
    );
    let other = "`ec2:RunInstances` was denied by its identity-based policies: 1 call; AWS denied the action `iam:PassRole`";
    let pass_role = launch().denied_by(DenyingPolicy::IdentityBasedPolicy, Some("iam:PassRole"));
    assert_eq!(observed(vec![pass_role.clone()]), (1, other.to_owned()));
    let mixed = "`ec2:RunInstances` was denied: 3 calls, 1 by its identity-based policies, 1 by a service control policy; AWS denied the action `iam:PassRole`";
    let unknown = launch().with_outcome(Outcome::Denied);
    assert_eq!(observed(vec![pass_role, launch().denied_by(scp, None), unknown]), (1, mixed.to_owned()));
    let same = launch().denied_by(scp, Some("ec2:RunInstances"));
    assert!(!observed(vec![same]).1.contains("action"));
}

#[test]
fn a_unique_id_names_the_principal_that_other_records_show_under_it() {
    let with_id = |event: Event, id: &str| {
        let mut event = event;
        event.actor.session.unique_id = Some(id.into());
        event
    };
    let named = |role: &str| with_id(auditor_call("DescribeInstances").by_principal(role), "AROAONE");
    let by_id = |id: &str| {
        let mut event = with_id(auditor_call("RunInstances"), id);
        event.actor.principal.arn = format!("principal-id:{id}").into();
        event.actor.principal.kind = PrincipalKind::Unknown;
        event
    };
    let status = |events: Vec<Event>| EvidenceScenario::of(events).result().summary.overall_compliance;
    assert_eq!(status(vec![named("Auditor"), by_id("AROAONE")]), Some(Status::NonCompliant));
    assert_eq!(status(vec![named("Auditor"), by_id("AROATWO")]), Some(Status::InsufficientEvidence));
    let several = vec![named("Auditor"), named("Builder"), by_id("AROAONE")];
    assert_eq!(status(several), Some(Status::InsufficientEvidence), "two principals have the id");
}
