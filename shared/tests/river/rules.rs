//! Each rule on its smallest case, and on the case beside it that it must leave alone.

use onlooker_core::{
    config::Watch,
    event::{Event, Outcome},
    finding::{RULES, Severity},
    grants::DatedSnapshot,
    record::UnreadableReason,
    time::HOUR_SECONDS,
};

use super::{
    events::{ACCOUNTS, But as _, REGIONS, START, Scene, exception, hours, made},
    policies::{auditor_may, snapshot},
};

/// What a rule must find in the one scene, how often, and not in the other.
struct Case {
    rule: &'static str,
    found: Scene,
    subject: &'static str,
    count: u64,
    beside: Scene,
}

impl Case {
    #[track_caller]
    fn holds(self) {
        let found = self.found.found(self.rule);
        let [finding] = &*found else { panic!("{}: {found:#?}", self.rule) };
        assert_eq!((finding.subject.as_str(), finding.count), (self.subject, self.count), "{}", self.rule);
        assert!(!finding.description.is_empty() && !finding.recommendation.is_empty());
        let beside = self.beside.found(self.rule);
        assert!(beside.is_empty(), "{}: {beside:#?}", self.rule);

        // The same finding in another run is the same: more evidence beside it, and more of it.
        let more = self.found.clone().with(|scene| {
            let again = scene.events.clone().into_iter().map(|event| event.numbered(0));
            let other = made("DescribeInstances").by("Builder").at(0, 5);
            scene.events.extend((500..).zip(again.chain([other])).map(|(id, event)| event.numbered(id)));
        });
        let again = more.found(self.rule);
        assert_eq!(
            again.iter().filter(|one| one.fingerprint == finding.fingerprint).count(),
            1,
            "{}: {again:#?}",
            self.rule
        );
        let all = self.found.result().findings;
        assert_eq!(all.iter().filter(|one| one.fingerprint == finding.fingerprint).count(), 1, "{all:#?}");
    }
}

macro_rules! cases {
    ($($name:ident: $rule:literal, $subject:expr, $count:expr, $found:expr, $beside:expr;)+) => {
        $(
            #[test]
            fn $name() {
                Case { rule: $rule, subject: $subject, count: $count, found: $found, beside: $beside }.holds();
            }
        )+

        #[test]
        fn every_rule_has_its_case() {
            let mut tried = vec![$($rule),+];
            let mut known = RULES.map(|rule| rule.id).to_vec();
            tried.sort_unstable();
            tried.dedup();
            known.sort_unstable();
            assert_eq!(tried, known);
        }
    };
}

fn read() -> Event {
    made("DescribeInstances")
}

fn write() -> Event {
    made("RunInstances")
}

/// The promise with its auditor marked as a machine, or not.
fn machine(is_one: bool, event: Event) -> Scene {
    Scene::of([event]).with(|scene| scene.config.watch[0].machine = is_one)
}

/// So many calls of which so many fail.
fn failing(calls: u32, failed: u32) -> Scene {
    Scene::of((0..calls).map(|n| {
        let outcome = if n < failed { Outcome::Failed } else { Outcome::Succeeded };
        read().at(0, n).ended(outcome)
    }))
}

/// The event, by an auditor who may do this.
fn may(event: Event, actions: &[&str]) -> Scene {
    auditor_may(Scene::of([event]), actions)
}

/// An allow that depends on what policies alone do not tell.
fn on_condition(action: &str) -> serde_json::Value {
    let condition = serde_json::json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}});
    serde_json::json!([
        {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition},
    ])
}

cases! {
    a_write_that_succeeded_is_found_and_one_that_was_denied_is_not:
        "write-succeeded", "ec2:RunInstances", 1,
        Scene::of([write()]), Scene::of([write().ended(Outcome::Denied)]);
    a_decryption_is_found_and_one_a_service_made_to_carry_out_another_call_is_not:
        "privileged-call", "kms:Decrypt", 1,
        Scene::of([made("Decrypt")]), Scene::of([made("Decrypt").forwarded_by("ssm.amazonaws.com")]);
    a_role_assumed_through_a_service_is_found_all_the_same_unless_somebody_else_did_it:
        "privileged-call", "sts:AssumeRole", 1,
        Scene::of([made("AssumeRole").forwarded_by("cloudformation.amazonaws.com")]),
        Scene::of([made("AssumeRole").by("Builder")]);
    a_write_that_failed_is_found_and_one_that_was_refused_is_not:
        "write-failed", "ec2:RunInstances", 1,
        Scene::of([write().ended(Outcome::Failed)]), Scene::of([write().ended(Outcome::Denied)]);
    a_privileged_call_that_failed_is_found_and_a_read_that_failed_is_not:
        "write-failed", "kms:Decrypt", 1,
        Scene::of([made("Decrypt").ended(Outcome::Failed)]), Scene::of([read().ended(Outcome::Failed)]);
    an_unknown_operation_is_found_and_that_of_a_principal_nobody_watches_is_not:
        "unknown-operation", "novel.amazonaws.com:Frobnicate", 1,
        Scene::of([made("Frobnicate")]), Scene::of([made("Frobnicate").by("Builder")]);
    in_a_discovery_every_unknown_operation_is_found_and_no_known_one:
        "unknown-operation", "novel.amazonaws.com:Frobnicate", 1,
        Scene::of([made("Frobnicate").by("Builder")]).with(|scene| scene.config.watch.clear()),
        Scene::of([write().by("Builder")]).with(|scene| scene.config.watch.clear());
    a_secret_that_was_returned_is_found_and_one_that_was_refused_is_not:
        "secret-read", "secretsmanager:GetSecretValue", 1,
        Scene::of([made("GetSecretValue")]), Scene::of([made("GetSecretValue").ended(Outcome::Denied)]);
    what_root_does_is_found_and_the_same_by_a_role_is_not:
        "root-use", "root user", 1,
        Scene::of([made("ListUsers").by("root")]), Scene::of([made("ListUsers").by("Builder")]);
    a_sign_in_of_root_is_found_and_that_of_a_role_is_not:
        "root-use", "root user", 1,
        Scene::of([made("ConsoleLogin").by("root")]), Scene::of([made("ConsoleLogin")]);
    two_contents_of_one_event_are_found_and_one_content_twice_is_not:
        "conflicting-evidence", "event identity", 1,
        Scene::of([read().numbered(9), read().numbered(9).at(0, 1)]),
        Scene::of([read().numbered(9), read().numbered(9)]);
    an_id_in_two_accounts_is_two_events_and_no_conflict:
        "conflicting-evidence", "event identity", 1,
        Scene::of([read().numbered(9), write().numbered(9)]),
        Scene::of([read().numbered(9), write().numbered(9).within(ACCOUNTS[1], REGIONS[0])]);
    a_piece_that_cannot_be_read_is_found_and_an_insight_is_not:
        "unreadable-evidence", "not JSON", 1,
        Scene::of([read()]).with(|scene| scene.unreadable = vec![(1, UnreadableReason::BadJson), (1, UnreadableReason::BadJson)]),
        Scene::of([read()]).with(|scene| scene.insights.push(1));
    a_write_by_nobody_known_is_found_and_a_read_by_nobody_known_is_not:
        "unidentified-write", "ec2:RunInstances", 1,
        Scene::of([read(), write().by("nobody")]), Scene::of([read(), read().by("nobody")]);
    a_log_file_a_digest_lists_is_missed_unless_its_oldest_and_newest_events_are_here:
        "missing-logs", "111122223333 eu-west-1", 1,
        Scene::of([read(), read().at(0, 9)]).with(|scene| {
            scene.digests.push((ACCOUNTS[0], REGIONS[0], 0));
            scene.logs.push((0, 10));
        }),
        Scene::of([read(), read().at(0, 9)]).with(|scene| {
            scene.digests.push((ACCOUNTS[0], REGIONS[0], 0));
            scene.logs.push((0, 9));
        });
    an_hour_without_evidence_is_found_and_one_a_digest_vouches_for_is_not:
        "missing-hours", "111122223333 eu-west-1", 1,
        Scene::of([read(), read().at(2, 0)]),
        Scene::of([read(), read().at(2, 0)]).with(|scene| scene.digests.push((ACCOUNTS[0], REGIONS[0], 1)));
    a_digest_of_another_place_vouches_for_nothing_here:
        "missing-hours", "111122223333 eu-west-1", 1,
        Scene::of([read(), read().at(2, 0)])
            .with(|scene| scene.digests.extend([0, 1, 2].map(|hour| (ACCOUNTS[0], REGIONS[1], hour)))),
        Scene::of([read(), read().at(1, 0)]);
    a_class_nobody_is_known_to_log_is_found_and_one_outside_the_promise_is_not:
        "event-class-not-logged", "data", 1,
        Scene::of([read()]).with(|scene| drop(scene.config.coverage.logged.pop())),
        Scene::of([read()]).with(|scene| {
            scene.config.coverage.logged.pop();
            scene.config.coverage.event_classes = scene.config.coverage.logged.clone();
        });
    a_write_that_was_denied_is_found_and_a_read_that_was_denied_is_not:
        "write-denied", "ec2:RunInstances", 1,
        Scene::of([write().ended(Outcome::Denied)]), Scene::of([read().ended(Outcome::Denied)]);
    a_machine_in_the_console_is_found_and_a_person_is_not:
        "console-use-by-machine", "console", 1,
        machine(true, read().in_the_console()), machine(false, read().in_the_console());
    a_machine_that_signs_in_is_found_and_one_that_calls_an_api_is_not:
        "console-use-by-machine", "console", 1,
        machine(true, made("ConsoleLogin")), machine(true, read());
    more_errors_than_the_threshold_are_found_and_exactly_as_many_are_not:
        "high-error-rate", "errors", 5,
        failing(20, 5), failing(20, 4);
    denials_are_errors_too_and_few_calls_are_not_judged:
        "high-error-rate", "errors", 20,
        Scene::of((0..20).map(|n| write().at(0, n).ended(Outcome::Denied))), failing(19, 19);
    a_call_after_its_override_ended_is_found_and_one_before_is_not:
        "override-expired", "old", 1,
        Scene::of([write().at(1, 0)]).with(|scene| scene.config.overrides.push(exception("old", "ec2:*", HOUR_SECONDS))),
        Scene::of([write()]).with(|scene| scene.config.overrides.push(exception("old", "ec2:*", HOUR_SECONDS)));
    a_promise_nobody_is_seen_for_is_found_and_one_somebody_is_seen_for_is_not:
        "principal-not-seen", "promise", 0,
        Scene::of([read().by("Builder")]), Scene::of([made("ConsoleLogin")]);
    a_promise_that_a_wider_one_covers_is_kept_too_and_one_about_nobody_is_not_seen:
        "principal-not-seen", "promise", 0,
        Scene::of([read()]).with(|scene| scene.config.watch.push(Watch::new("arn:aws:iam::*:role/Nobody").unwrap())),
        Scene::of([read()])
            .with(|scene| scene.config.watch.insert(0, Watch::new("arn:aws:iam::*:role/*").unwrap()));
    a_call_before_work_is_found_and_one_in_the_first_minute_is_not:
        "outside-business-hours", "outside business hours", 1,
        Scene::of([read().at(8, 3_599)]).with(|scene| scene.config.business_hours = Some(hours("09:00", "17:00"))),
        Scene::of([read().at(9, 0)]).with(|scene| scene.config.business_hours = Some(hours("09:00", "17:00")));
    the_hours_of_a_principal_go_before_the_general_ones:
        "outside-business-hours", "outside business hours", 1,
        Scene::of([read().at(12, 0)]).with(|scene| {
            scene.config.business_hours = Some(hours("09:00", "17:00"));
            scene.config.watch[0].business_hours = Some(hours("00:00", "06:00"));
        }),
        Scene::of([read().at(3, 0)]).with(|scene| {
            scene.config.business_hours = Some(hours("09:00", "17:00"));
            scene.config.watch[0].business_hours = Some(hours("00:00", "06:00"));
        });
    content_that_was_returned_is_found_and_content_that_was_refused_is_not:
        "data-read", "s3:GetObject", 1,
        Scene::of([made("GetObject")]), Scene::of([made("GetObject").ended(Outcome::Denied)]);
    a_secret_is_not_content_besides:
        "data-read", "s3:GetObject", 1,
        Scene::of([made("GetObject"), made("GetSecretValue")]), Scene::of([made("GetSecretValue")]);
    a_read_that_was_denied_is_found_and_one_that_failed_is_not:
        "read-denied", "ec2:DescribeInstances", 1,
        Scene::of([read().ended(Outcome::Denied)]), Scene::of([read().ended(Outcome::Failed)]);
    a_principal_no_promise_names_is_found_and_an_exempt_one_is_not:
        "unclassified-principal", ACCOUNTS[0], 1,
        Scene::of([read(), write().by("Builder")]),
        Scene::of([read(), write().by("Builder")])
            .with(|scene| scene.config.exempt.push("arn:aws:iam::*:role/Build*".to_owned()));
    services_and_root_need_no_name:
        "unclassified-principal", ACCOUNTS[0], 1,
        Scene::of([read(), read().by("Builder")]),
        Scene::of([read(), made("RotateKey").by("service:kms"), read().by("root")]);
    an_override_that_allowed_nothing_is_found_and_one_that_allowed_a_call_is_not:
        "override-unused", "spare", 0,
        Scene::of([read()]).with(|scene| scene.config.overrides.push(exception("spare", "ec2:*", HOUR_SECONDS))),
        Scene::of([write()]).with(|scene| scene.config.overrides.push(exception("spare", "ec2:*", HOUR_SECONDS)));
    policies_that_let_it_write_are_found_and_those_that_let_it_read_are_not:
        "over-privileged", "policies", 2,
        may(read(), &["ec2:RunInstances", "ec2:CreateTags", "ec2:DescribeInstances"]), may(read(), &["ec2:Describe*"]);
    credentials_it_could_get_are_found_and_keys_it_could_list_are_not:
        "can-issue-credentials", "credentials", 1,
        may(read(), &["iam:CreateAccessKey"]), may(read(), &["iam:ListAccessKeys"]);
    a_way_to_more_permissions_is_found_and_half_of_one_is_not:
        "escalation-path", "pass-role-to-lambda", 1,
        may(read(), &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]),
        may(read(), &["lambda:CreateFunction", "lambda:InvokeFunction"]);
    what_it_never_used_is_found_and_what_it_used_is_not:
        "unused-grant", "policies", 1,
        may(read(), &["ec2:DescribeInstances", "ec2:DescribeVpcs"]), may(read(), &["ec2:DescribeInstances"]);
    a_refusal_its_policies_agree_with_is_found_and_one_against_them_is_not:
        "denied-outside-permissions", "ec2", 1,
        may(write().ended(Outcome::Denied), &["ec2:Describe*"]),
        may(write().ended(Outcome::Denied), &["ec2:RunInstances"]);
    a_grant_on_conditions_is_found_and_one_without_is_not:
        "indeterminate-grant", "conditional", 1,
        Scene::of([read()]).with(|scene| {
            scene.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", on_condition("ec2:RunInstances"))));
        }),
        may(read(), &["ec2:RunInstances", "ec2:DescribeInstances"]);
    what_it_did_and_no_policy_grants_is_found_and_what_one_grants_is_not:
        "indeterminate-grant", "did:ec2:DescribeInstances", 1,
        may(read(), &["ec2:DescribeVpcs"]), may(read(), &["ec2:DescribeInstances"]);
}

#[test]
fn a_finding_names_its_earliest_events_and_its_span() {
    let scene = Scene::of((0..5).map(|n| write().at(4 - n, 30)));
    let found = &scene.found("write-succeeded")[0];
    let ids: Vec<String> = [5, 4, 3].map(|id| onlooker_core::event::EventId(id).to_string()).to_vec();
    assert_eq!(found.sample_event_ids, ids, "the earliest three, in order of time");
    assert_eq!(found.first_seen.map(|time| time.0), Some(START + 30));
    assert_eq!(found.last_seen.map(|time| time.0), Some(START + 4 * HOUR_SECONDS + 30));
    assert_eq!((found.count, found.severity), (5, Severity::Critical));
    let entries = scene.result().audit_entries;
    assert_eq!(
        entries.iter().map(|entry| &entry.event_id).collect::<Vec<_>>(),
        ids.iter().collect::<Vec<_>>()
    );
}

#[test]
fn fingerprints_differ_by_rule_principal_and_subject_and_by_nothing_else() {
    let of = |event: Event, rule: &str| Scene::of([event]).found(rule)[0].fingerprint.clone();
    let one = of(write(), "write-succeeded");
    assert_eq!(one, of(write().at(7, 7).within(ACCOUNTS[0], REGIONS[1]).in_the_console(), "write-succeeded"));
    assert_ne!(one, of(write().within(ACCOUNTS[1], REGIONS[0]), "write-succeeded"), "another principal");
    assert_ne!(one, of(made("CreateTags"), "write-succeeded"), "another operation");
    assert_ne!(one, of(write().ended(Outcome::Denied), "write-denied"), "another rule");
    // Fingerprints are kept by whoever follows findings over years: this one must not change.
    assert_eq!(one, "1d6f324139dd6711902477c41b02d7e5");
}

#[test]
fn findings_come_most_severe_first_and_then_in_the_order_of_the_rules() {
    let findings = Scene::of([
        read().ended(Outcome::Denied),
        made("GetSecretValue"),
        made("Decrypt"),
        write(),
        made("RunInstances").ended(Outcome::Denied),
        read().by("Builder"),
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
