//! The permissions job: policies are read, evaluated, stored and notified, also under faults.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    catalog::Catalog,
    config::{Config, DeliveryPolicy, Watch},
    jobs::permissions::{
        IamPorts, LatestPermissions, PermissionsOutcome, PermissionsRequest, PermissionsStore, evaluate,
        evaluate_and_store, latest_permissions, policies_in_force,
    },
    period::Period,
    permissions::{CheckStatus, OverallStatus},
    ports::{Clock as _, ObjectStore as _, PortError, PortErrorKind, Table as _, WriteCondition},
    report::CallerIdentity,
    time::{Hour, Time},
};
use serde_json::{Value, json};

use super::{
    environment::{FaultPlan, FaultTiming, FaultyPort, PortCall, TestEnvironment},
    fixtures::{ACCOUNTS, hour_after_start, minutes_after_start},
    iam::{FakeIam, allow, deny},
};

const READER: &str = "arn:aws:iam::111122223333:role/Reader";
const ADMIN: &str = "arn:aws:iam::111122223333:role/Admin";
const DELETED: &str = "arn:aws:iam::111122223333:role/Ghost";
const OTHER: &str = "arn:aws:iam::444455556666:role/Reader";

/// Enough to be over-privileged, and faster to evaluate than `*`.
const WRITES: [&str; 2] = ["s3:PutObject", "iam:CreateAccessKey"];

const READS: [&str; 3] = ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListAllMyBuckets"];

/// The reads that must work.
const REQUIRED: [&str; 3] = ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListBuckets"];

struct PermissionsScenario {
    environment: TestEnvironment,
    iam: FaultyPort<FakeIam>,
    config: Config,
    caller: CallerIdentity,
}

impl PermissionsScenario {
    /// A role with reads only, and a role with writes too.
    fn new() -> Self {
        let environment = TestEnvironment::new(minutes_after_start(600));
        let iam = FaultyPort { port: FakeIam::default(), injector: environment.injector.clone() };
        iam.port.set_role(READER, &[allow(&READS)]);
        iam.port.set_role(ADMIN, &[allow(&READS), allow(&WRITES)]);
        let caller =
            CallerIdentity { arn: String::new(), account: ACCOUNTS[0].to_owned(), user_id: String::new() };
        let mut config = Config::default();
        config.permissions.reads = REQUIRED.map(str::to_owned).to_vec();
        let mut scenario = Self { environment, iam, config, caller };
        scenario.watch(&[READER, ADMIN, DELETED]);
        scenario
    }

    fn watch(&mut self, patterns: &[&str]) {
        self.config.watch = patterns.iter().map(|pattern| Watch::new(pattern).unwrap()).collect();
    }

    fn ports(&self) -> IamPorts<'_> {
        IamPorts {
            iam: &self.iam,
            organizations: &self.iam,
            prober: &self.iam,
            clock: &self.environment.clock,
        }
    }

    fn request<'s>(&'s self, asked: &'s [String]) -> PermissionsRequest<'s> {
        PermissionsRequest {
            config: &self.config,
            catalog: Catalog::embedded(),
            caller: &self.caller,
            principals: asked,
        }
    }

    fn try_evaluate(&self) -> Result<PermissionsOutcome, PortError> {
        let store = PermissionsStore {
            table: &self.environment.table,
            store: &self.environment.store,
            sinks: &[&self.environment.sns, &self.environment.event_bus],
            policy: DeliveryPolicy::IMMEDIATE,
            run_id: "run",
        };
        evaluate_and_store(&self.ports(), &self.request(&[]), &store)
    }

    fn evaluate(&self) -> PermissionsOutcome {
        self.try_evaluate().unwrap()
    }

    fn latest(&self) -> BTreeMap<String, LatestPermissions> {
        let all = latest_permissions(&self.environment.table.port).unwrap();
        all.into_iter().map(|one| (one.principal.to_string(), one)).collect()
    }

    /// Snapshots of a principal in force in these hours: since, until, and the first statement's actions.
    fn policies_in_force(&self, arn: &str, hours: (u32, u32)) -> Vec<(Option<Time>, Option<Time>, Value)> {
        let period = Period { from: hour_after_start(hours.0), until: hour_after_start(hours.1) };
        let policies = policies_in_force(
            &self.environment.table.port,
            &self.environment.store.port,
            &self.config,
            period,
        )
        .unwrap();
        let actions =
            |text: &str| serde_json::from_str::<Value>(text).unwrap()["Statement"][0]["Action"].clone();
        let held = policies.of(arn, period);
        held.iter()
            .map(|held| (held.since, held.until, actions(&held.snapshot.identity_policies[0].text)))
            .collect()
    }

    /// Everything that is stored, without revisions.
    fn stored_items(&self) -> Vec<String> {
        let items = self.environment.table.port.items();
        let mut all: Vec<String> = items
            .iter()
            .map(|item| format!("{} {} {}", item.partition_key, item.sort_key, item.body))
            .collect();
        for object in self.environment.store.port.list("").unwrap() {
            let bytes = self.environment.store.port.read(&object.name, None).unwrap();
            all.push(format!("{} {}", object.name, String::from_utf8(bytes).unwrap()));
        }
        all
    }
}

fn statuses(outcome: &PermissionsOutcome) -> BTreeMap<String, OverallStatus> {
    let one = |kept: &onlooker_core::jobs::permissions::EvaluatedPrincipal| {
        (kept.permissions.identity.arn.to_string(), kept.permissions.overall_status)
    };
    outcome.evaluated.iter().map(one).collect()
}

#[test]
fn each_principal_gets_its_status_and_over_privilege_is_notified_once() {
    let scenario = PermissionsScenario::new();
    let outcome = scenario.evaluate();
    let expected = [
        (ADMIN, OverallStatus::OverPrivileged),
        (DELETED, OverallStatus::Invalid),
        (READER, OverallStatus::Valid),
    ];
    let expected: BTreeMap<String, OverallStatus> =
        expected.into_iter().map(|(arn, status)| (arn.to_owned(), status)).collect();
    assert_eq!(statuses(&outcome), expected);
    assert_eq!((outcome.failed.len(), outcome.notifications_sent), (0, 2));
    let notification = scenario.environment.sns.port.notifications.lock().unwrap()[0].clone();
    assert!(
        notification.subject.contains("role/Admin") && notification.text.contains(ADMIN),
        "{notification:?}"
    );
    assert_eq!(notification.detail["overall_status"], "OVER_PRIVILEGED");
    let deleted = &scenario.latest()[DELETED];
    assert!(deleted.statement.contains("does not have this user or role"), "{}", deleted.statement);
    assert_eq!(deleted.policies, None);
    // The report of the run holds all of it.
    let report: Value =
        serde_json::from_slice(&scenario.environment.store.port.read(&outcome.report_key, None).unwrap())
            .unwrap();
    assert!(outcome.report_key.starts_with("permissions/dt=2026-10-06/20261006T100000Z_run"));
    assert_eq!(report["principals"].as_array().unwrap().len(), 3);
    // A later run does not notify again.
    scenario.environment.clock.advance(3 * 86_400);
    assert_eq!(scenario.evaluate().notifications_sent, 0);
    assert_eq!(scenario.environment.sns.port.notifications.lock().unwrap().len(), 1);
    // After a VALID status in between, it does.
    scenario.iam.port.set_role(ADMIN, &[allow(&READS)]);
    scenario.environment.clock.advance(86_400);
    assert_eq!(statuses(&scenario.evaluate())[ADMIN], OverallStatus::Valid);
    scenario.iam.port.set_role(ADMIN, &[allow(&READS), allow(&WRITES)]);
    scenario.environment.clock.advance(86_400);
    assert_eq!(scenario.evaluate().notifications_sent, 2);
}

#[test]
fn a_past_window_is_evaluated_with_the_policies_of_that_time() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    let at = |hours: u32| scenario.environment.clock.set(hour_after_start(hours).start());
    at(10);
    scenario.evaluate();
    at(11);
    scenario.evaluate();
    let seen = scenario.latest()[READER].policies.clone().unwrap();
    assert_eq!((seen.since, seen.last_seen), (hour_after_start(10).start(), hour_after_start(11).start()));
    let before = scenario.policies_in_force(READER, (0, 12));
    at(12);
    scenario.iam.port.set_role(READER, &[allow(&["s3:PutObject"])]);
    scenario.evaluate();
    at(14);
    scenario.iam.port.set_role(READER, &[allow(&READS)]);
    scenario.evaluate();

    let (reads, write) = (json!(READS), json!(["s3:PutObject"]));
    let time = |hours: u32| Some(hour_after_start(hours).start());
    assert_eq!(scenario.policies_in_force(READER, (0, 10)), [], "no run had read them yet");
    assert_eq!(before, [(time(10), None, reads.clone())]);
    assert_eq!(scenario.policies_in_force(READER, (0, 12)), before, "later policies do not change it");
    assert_eq!(scenario.policies_in_force(READER, (12, 14)), [(time(12), None, write.clone())]);
    assert_eq!(
        scenario.policies_in_force(READER, (11, 13)),
        [(time(10), time(12), reads.clone()), (time(12), None, write.clone())]
    );
    assert_eq!(scenario.policies_in_force(READER, (14, 20)), [(time(14), None, reads)]);
    // The same policies are one object, however often they return.
    assert_eq!(scenario.environment.store.port.list("policies/").unwrap().len(), 2);
    // A principal that is not watched has none.
    scenario.watch(&[ADMIN]);
    assert_eq!(scenario.policies_in_force(READER, (0, 20)), []);
}

#[test]
fn policies_unreadable_for_too_long_become_unknown() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    scenario.environment.clock.set(hour_after_start(10).start());
    scenario.evaluate();
    let end = Some(hour_after_start(10 + 8 * 24).start());
    assert_eq!(scenario.policies_in_force(READER, (12, 36)).first().map(|held| held.1), Some(None));
    assert_eq!(scenario.policies_in_force(READER, (12, 300)).first().map(|held| held.1), Some(end));
    assert_eq!(scenario.policies_in_force(READER, (210, 234)), [], "unknown");
    // Other policies that are read later do not state since when they are in force.
    scenario.iam.port.set_role(READER, &[allow(&["s3:PutObject"])]);
    scenario.environment.clock.set(hour_after_start(400).start());
    scenario.evaluate();
    assert_eq!(scenario.policies_in_force(READER, (210, 234)), []);
    assert_eq!(scenario.policies_in_force(READER, (210, 402)).len(), 1);
}

#[test]
fn a_late_run_does_not_overwrite_newer_policies() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    scenario.iam.port.set_role(READER, &[allow(&WRITES)]);
    scenario.environment.clock.set(hour_after_start(12).start());
    scenario.evaluate();
    scenario.iam.port.set_role(READER, &[allow(&READS)]);
    scenario.environment.clock.set(hour_after_start(11).start());
    scenario.evaluate();
    let latest = &scenario.latest()[READER];
    assert_eq!(
        (latest.overall_status, latest.at),
        (Some(OverallStatus::OverPrivileged), hour_after_start(12).start())
    );
}

#[test]
fn a_deleted_principal_has_no_policies() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    scenario.environment.clock.set(hour_after_start(10).start());
    scenario.evaluate();
    scenario.iam.port.roles.lock().unwrap().clear();
    scenario.environment.clock.set(hour_after_start(12).start());
    assert_eq!(statuses(&scenario.evaluate())[READER], OverallStatus::Invalid);
    assert_eq!(scenario.policies_in_force(READER, (10, 13)).len(), 1);
    assert_eq!(scenario.policies_in_force(READER, (12, 13)), []);
    // The principal may be created again.
    scenario.iam.port.set_role(READER, &[allow(&READS)]);
    scenario.environment.clock.set(hour_after_start(14).start());
    scenario.evaluate();
    assert_eq!(scenario.policies_in_force(READER, (13, 15)).len(), 1);
}

#[test]
fn a_pattern_selects_every_match_except_exempt_principals() {
    let mut scenario = PermissionsScenario::new();
    scenario.iam.port.set_role(OTHER, &[allow(&READS)]);
    scenario.watch(&["arn:aws:iam::*:role/*", "arn:aws:iam::*:role/unmatched-*"]);
    scenario.config.exempt = vec![ADMIN.to_owned()];
    let outcome = scenario.evaluate();
    assert_eq!(statuses(&outcome).into_keys().collect::<Vec<_>>(), [READER], "only our account");
    assert_eq!(outcome.unmatched, ["arn:aws:iam::*:role/unmatched-*"]);
    scenario.config.lookup.role = Some("Onlooker".to_owned());
    scenario.config.coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
    assert_eq!(statuses(&scenario.evaluate()).into_keys().collect::<Vec<_>>(), [READER, OTHER]);
    // A principal that is requested by name is evaluated, even if it is exempt.
    let asked = [ADMIN.to_owned()];
    let requested = evaluate(&scenario.ports(), &scenario.request(&asked));
    assert_eq!(requested.evaluated[0].overall_status, OverallStatus::OverPrivileged);
    assert_eq!(requested.evaluated[0].identity.watched_as, None);
}

#[test]
fn without_account_read_permission_named_principals_are_read_individually() {
    let mut scenario = PermissionsScenario::new();
    scenario.iam.port.denied_accounts.lock().unwrap().insert(ACCOUNTS[0].to_owned());
    let alone = statuses(&scenario.evaluate());
    scenario.iam.port.denied_accounts.lock().unwrap().clear();
    assert_eq!(alone, statuses(&scenario.evaluate()), "the same statuses either way");
    let hashes: BTreeSet<String> =
        scenario.environment.store.port.list("policies/").unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(hashes.len(), 2, "and the same snapshots");
    scenario.iam.port.denied_accounts.lock().unwrap().insert(ACCOUNTS[0].to_owned());
    scenario.watch(&[READER, "arn:aws:iam::*:role/A*"]);
    let outcome = scenario.evaluate();
    assert_eq!(statuses(&outcome).len(), 1);
    let [failed] = &*outcome.failed else { panic!("{:?}", outcome.failed) };
    assert_eq!(failed.failure.kind, PortErrorKind::AccessDenied);
    assert!(failed.failure.cause.contains("iam:GetAccountAuthorizationDetails"), "{failed:?}");
}

#[test]
fn a_throttled_account_is_indeterminate_and_does_not_block_others() {
    let mut scenario = PermissionsScenario::new();
    scenario.iam.port.set_role(OTHER, &[allow(&READS)]);
    scenario.config.lookup.role = Some("Onlooker".to_owned());
    scenario.config.coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
    scenario.watch(&[READER, OTHER]);
    scenario.evaluate();
    scenario.environment.clock.advance(86_400);
    scenario.environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Throttled,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call: &PortCall| {
            call.method == "details" && call.target.starts_with(ACCOUNTS[1])
        }),
    });
    let began = scenario.environment.clock.now();
    let outcome = scenario.evaluate();
    let calls = scenario.environment.injector.reset();
    assert_eq!(calls.iter().filter(|call| call.method == "details").count(), 2 + 5, "retried");
    assert!(scenario.environment.clock.now().since(began) >= 15, "and backed off");
    assert_eq!(statuses(&outcome).into_keys().collect::<Vec<_>>(), [READER]);
    let [failed] = &*outcome.failed else { panic!("{:?}", outcome.failed) };
    assert_eq!((&*failed.failure.principal, failed.failure.kind), (OTHER, PortErrorKind::Throttled));
    let answer = outcome.to_answer(scenario.environment.clock.now());
    assert!(answer.failed[0].last_seen_seconds_ago.unwrap() > 86_400, "{answer:?}");
    let latest = &scenario.latest()[OTHER];
    assert_eq!((latest.overall_status, latest.last_status), (None, Some(OverallStatus::Valid)));
    // The policies read last stay in force.
    assert_eq!(scenario.policies_in_force(OTHER, (30, 40)).len(), 1);
}

#[test]
fn the_simulator_runs_once_per_policy_set_and_its_conflicts_count() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    scenario.evaluate();
    let asked = |scenario: &PermissionsScenario| {
        let calls = scenario.environment.injector.reset();
        calls.iter().filter(|call| call.method == "simulate").count()
    };
    assert!(asked(&scenario) >= 3);
    scenario.evaluate();
    assert_eq!(asked(&scenario), 0);
    // Other policies are simulated again. A simulator that allows more makes the status indeterminate.
    scenario.iam.port.set_role(READER, &[allow(&READS[..2]), allow(&READS[2..])]);
    scenario
        .iam
        .port
        .simulator_conflicts
        .lock()
        .unwrap()
        .insert("iam:CreateAccessKey".to_owned(), "allowed".to_owned());
    let outcome = scenario.evaluate();
    assert!(asked(&scenario) >= 3);
    assert_eq!(statuses(&outcome)[READER], OverallStatus::Indeterminate);
    let simulation = outcome.evaluated[0].permissions.simulation.clone().unwrap();
    assert_eq!((simulation.conflicts.len(), simulation.compared - simulation.agreed), (1, 1));
    assert_eq!(
        (&*simulation.conflicts[0].policies, &*simulation.conflicts[0].simulator),
        ("denied", "allowed")
    );
    // The simulation can be disabled.
    scenario.config.permissions.simulate = false;
    let outcome = scenario.evaluate();
    assert_eq!(statuses(&outcome)[READER], OverallStatus::Valid);
    assert_eq!((outcome.evaluated[0].permissions.simulation.clone(), asked(&scenario)), (None, 0));
}

#[test]
fn unsimulated_actions_are_listed_and_simulated_next_time() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER, ADMIN]);
    scenario.environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Throttled,
        timing: FaultTiming::Before,
        // The last request has fewer actions.
        matching: Box::new(|_, call: &PortCall| call.method == "simulate" && !call.target.ends_with(" 100")),
    });
    let outcome = scenario.evaluate();
    scenario.environment.injector.reset();
    let simulations = |outcome: &PermissionsOutcome| {
        let evaluated = outcome.evaluated.iter();
        evaluated.map(|kept| kept.permissions.simulation.clone().unwrap()).collect::<Vec<_>>()
    };
    let [first, second] = &*simulations(&outcome) else { panic!("not two simulations") };
    assert!(first.incomplete_reason.clone().unwrap().contains("were not simulated"), "{first:?}");
    assert!(first.compared >= 100 && first.compared.is_multiple_of(100), "{first:?}");
    // The account has one simulator: after it throttles, the other principals are not simulated.
    assert_eq!((second.compared, second.incomplete_reason.is_some()), (0, true));
    let outcome = scenario.evaluate();
    assert!(simulations(&outcome).iter().all(|simulation| simulation.incomplete_reason.is_none()));
}

#[test]
fn probes_run_as_the_caller_and_apply_to_the_caller_only() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER, ADMIN]);
    scenario.caller.arn = "arn:aws:sts::111122223333:assumed-role/Reader/session".to_owned();
    scenario.config.permissions.reads.push("x:Unknown".to_owned());
    scenario.iam.port.probe_results.lock().unwrap().extend([
        ("ec2:DescribeRegions".to_owned(), PortErrorKind::Throttled),
        ("s3:ListBuckets".to_owned(), PortErrorKind::AccessDenied),
    ]);
    let outcome = scenario.evaluate();
    let probed = scenario.environment.injector.reset();
    assert_eq!(probed.iter().filter(|call| call.method == "probe").count(), 1 + 5 + 1);
    let checks = |arn: &str| -> BTreeMap<String, CheckStatus> {
        let kept = outcome.evaluated.iter().find(|kept| &*kept.permissions.identity.arn == arn).unwrap();
        let checks = kept.permissions.permission_checks.iter().take(4);
        checks.map(|check| (format!("{}:{}", check.service, check.operation), check.status)).collect()
    };
    let ours = checks(READER);
    assert_eq!(ours["sts:GetCallerIdentity"], CheckStatus::Passed);
    assert_eq!(ours["ec2:DescribeRegions"], CheckStatus::Error, "throttling is not a denial");
    assert_eq!(ours["s3:ListBuckets"], CheckStatus::Failed);
    assert_eq!(ours["x:Unknown"], CheckStatus::Error, "it has no probe");
    assert_eq!(checks(ADMIN)["s3:ListBuckets"], CheckStatus::Passed, "its policies grant it");
}

#[test]
fn organization_policies_limit_grants_where_readable() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[ADMIN]);
    let controls = |scenario: &PermissionsScenario| -> Vec<bool> {
        let period = Period { from: hour_after_start(9), until: hour_after_start(12) };
        let policies = policies_in_force(
            &scenario.environment.table.port,
            &scenario.environment.store.port,
            &scenario.config,
            period,
        )
        .unwrap();
        policies
            .of(ADMIN, period)
            .iter()
            .map(|held| held.snapshot.service_control_policies.is_some())
            .collect()
    };
    scenario.evaluate();
    assert_eq!(controls(&scenario), [false], "unreadable control policies are not the same as none");
    let levels = [vec![allow(&["*"])], vec![allow(&["*"]), deny(&["s3:PutObject"])]];
    let levels = levels.map(|level| level.iter().map(Value::to_string).collect());
    *scenario.iam.port.service_control_levels.lock().unwrap() = Some(levels.to_vec());
    scenario.environment.clock.advance(60);
    scenario.evaluate();
    assert_eq!(controls(&scenario), [false, true], "other policies, another snapshot");
    // A failed request does not mean that there are none.
    scenario.environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Throttled,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call: &PortCall| call.method == "control_policies"),
    });
    let outcome = scenario.evaluate();
    assert_eq!((outcome.evaluated.len(), outcome.failed.len()), (0, 1));
}

#[test]
fn a_job_killed_at_any_call_and_retried_leaves_the_same_state() {
    let undisturbed = PermissionsScenario::new();
    undisturbed.evaluate();
    let (calls, expected) = (undisturbed.environment.injector.reset(), undisturbed.stored_items());
    assert!(calls.len() > 30, "{}", calls.len());
    for (at, call) in calls.iter().enumerate() {
        // A read changes nothing, so a fault before it equals a fault after it.
        let changes = !matches!(call.port, "iam" | "organization" | "reads") && call.method != "query";
        for timing in [FaultTiming::Before, FaultTiming::After].into_iter().take(if changes { 2 } else { 1 })
        {
            let scenario = PermissionsScenario::new();
            scenario.environment.injector.plan(FaultPlan::Kill { at, timing });
            let killed = scenario.try_evaluate();
            assert!(killed.is_err(), "a killed run does not succeed: {call:?}");
            scenario.environment.injector.reset();
            // Lambda retries after the claims of the first attempt have expired.
            scenario.environment.clock.set(minutes_after_start(600));
            let again = match scenario.try_evaluate() {
                Ok(outcome) if outcome.failed.is_empty() => true,
                _ => {
                    scenario.environment.clock.advance(60);
                    scenario.evaluate().failed.is_empty()
                }
            };
            assert!(again, "killed {timing:?} {call:?}");
            let moved = scenario.environment.clock.now() != minutes_after_start(600);
            if !moved {
                assert_eq!(scenario.stored_items(), expected, "killed {timing:?} {call:?}");
            }
            assert_eq!(
                scenario.environment.sns.port.notifications.lock().unwrap()[0].detail_type,
                "Read-Only Principal Over-Privileged"
            );
            assert_eq!(scenario.latest()[ADMIN].overall_status, Some(OverallStatus::OverPrivileged));
        }
    }
}

#[test]
fn a_failed_call_leaves_its_principal_indeterminate() {
    let undisturbed = PermissionsScenario::new();
    let truth = statuses(&undisturbed.evaluate());
    let calls = undisturbed.environment.injector.reset();
    let kinds = [
        PortErrorKind::AccessDenied,
        PortErrorKind::Other,
        PortErrorKind::NotFound,
        PortErrorKind::Unavailable,
    ];
    for (at, call) in calls.iter().enumerate() {
        let scenario = PermissionsScenario::new();
        scenario.environment.injector.plan(FaultPlan::Fail {
            kind: kinds[at % kinds.len()],
            timing: FaultTiming::Before,
            matching: Box::new(move |number, _| number == at),
        });
        let Ok(outcome) = scenario.try_evaluate() else { continue };
        for (arn, status) in statuses(&outcome) {
            assert_eq!(status, truth[&arn], "failed {call:?}");
        }
        let listed = outcome.evaluated.len() + outcome.failed.len();
        assert_eq!(listed, truth.len(), "every principal is listed: {call:?}");
    }
}

#[test]
fn altered_stored_policies_are_an_error() {
    let mut scenario = PermissionsScenario::new();
    scenario.watch(&[READER]);
    scenario.evaluate();
    let key = scenario.environment.store.port.list("policies/").unwrap()[0].name.clone();
    let period = Period { from: hour_after_start(9), until: Hour(hour_after_start(12).0) };
    let read = || {
        policies_in_force(
            &scenario.environment.table.port,
            &scenario.environment.store.port,
            &scenario.config,
            period,
        )
    };
    assert_eq!(read().unwrap().principals().count(), 1);
    let whole = scenario.environment.store.port.read(&key, None).unwrap();
    let other = String::from_utf8(whole).unwrap().replace("DescribeRegions", "*");
    for damage in [Some(other.into_bytes()), Some(b"{}".to_vec()), Some(b"not JSON".to_vec()), None] {
        scenario.environment.store.port.damage(&key, damage);
        let error = read().unwrap_err().to_string();
        assert!(error.contains(&key), "{error}");
    }
    let mut item = scenario.environment.table.port.query("POLICIES", "").unwrap().remove(0);
    item.body = json!("not a snapshot");
    scenario.environment.table.port.put(&item, WriteCondition::Always).unwrap();
    assert!(read().unwrap_err().to_string().contains("POLICIES"));
}
