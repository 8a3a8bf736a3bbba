//! Principals that must come out as they do.

use serde_json::{Value, json};

use super::*;
use crate::{
    grants::{Evaluator, Origin, Policy, Snapshot},
    permissions::ProbeOutcome,
    principal::PrincipalKind,
};

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";
const AT: Time = Time(1_800_000_000);

fn grants(statements: &Value) -> Grants {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "given".into(), origin: Origin::Given, text: text.into() };
    let snapshot = Snapshot { principal: AUDITOR.into(), identity: vec![policy], ..Snapshot::default() };
    Evaluator::new(Catalog::embedded()).grants(&snapshot)
}

fn judged_by(
    grants: &Grants,
    config: &Config,
    probes: &[Probe],
    opinion: Option<SecondOpinion>,
) -> Permissions {
    let identity = Identity {
        arn: AUDITOR.into(),
        kind: PrincipalKind::Role,
        account: "111122223333".into(),
        watched_as: None,
    };
    let subject = Subject { identity, grants, policies_sha256: String::new() };
    judge(&subject, config, Catalog::embedded(), AT, probes, opinion)
}

fn judged(statements: &Value) -> Permissions {
    judged_by(&grants(statements), &Config::default(), &[], None)
}

fn allow(actions: &[&str]) -> Value {
    json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }])
}

fn checks(permissions: &Permissions, status: CheckStatus) -> Vec<&PermissionCheck> {
    permissions.permission_checks.iter().filter(|check| check.status == status).collect()
}

const READS: [&str; 2] = ["ec2:DescribeRegions", "s3:ListAllMyBuckets"];

#[test]
fn an_administrator_is_over_privileged_in_few_checks() {
    let permissions = judged(&allow(&["*"]));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    assert!(checks(&permissions, CheckStatus::Blocked).is_empty());
    let checks = checks(&permissions, CheckStatus::AllowedWrite);
    assert!(checks.len() < 1_500, "{}", checks.len());
    let told: u64 = checks.iter().map(|check| check.actions).sum();
    let held: u64 = permissions.services.values().map(|count| count.granted).sum();
    assert_eq!(told, held);
    assert!(held > 8_000, "{held}");
}

#[test]
fn one_that_reads_only_is_valid_with_proof() {
    let permissions = judged(&allow(&READS));
    assert_eq!(permissions.overall_status, OverallStatus::Valid, "{}", permissions.statement);
    assert_eq!(checks(&permissions, CheckStatus::Passed).len(), 3);
    let blocked = checks(&permissions, CheckStatus::Blocked);
    let mutate = blocked.iter().find(|check| check.capabilities == crate::operation::Capabilities::MUTATE);
    assert!(mutate.is_some_and(|check| check.actions > 8_000), "{blocked:?}");
}

#[test]
fn needed_reads_that_are_refused_make_it_partial_or_invalid() {
    assert_eq!(judged(&allow(&["ec2:DescribeRegions"])).overall_status, OverallStatus::Partial);
    let config = Config {
        permissions: crate::config::PermissionChecks {
            reads: vec!["s3:ListBuckets".into()],
            simulate: false,
        },
        ..Config::default()
    };
    let permissions = judged_by(&grants(&allow(&["ec2:DescribeRegions"])), &config, &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Invalid);
}

#[test]
fn a_read_that_works_never_hides_a_write() {
    let all = [&READS[..], &["s3:PutObject"]].concat();
    let permissions = judged(&allow(&all));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    let writes = checks(&permissions, CheckStatus::AllowedWrite);
    assert_eq!((writes.len(), &*writes[0].operation), (1, "PutObject"));
}

fn probe(operation: &str, outcome: ProbeOutcome) -> Probe {
    let (service, operation) = operation.split_once(':').unwrap();
    Probe { service: service.into(), operation: operation.into(), outcome }
}

#[test]
fn throttling_is_an_error_and_no_denial() {
    let throttled = |operation| probe(operation, ProbeOutcome::Throttled("Rate exceeded".into()));
    let probes = [throttled("ec2:DescribeRegions"), throttled("s3:ListBuckets")];
    let permissions = judged_by(&grants(&allow(&READS)), &Config::default(), &probes, None);
    assert_eq!(checks(&permissions, CheckStatus::Error).len(), 2);
    assert_eq!(checks(&permissions, CheckStatus::Failed).len(), 0);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate, "{}", permissions.statement);
}

#[test]
fn a_probe_goes_before_policies() {
    let probes = [probe("ec2:DescribeRegions", ProbeOutcome::Denied("UnauthorizedOperation".into()))];
    let permissions = judged_by(&grants(&allow(&READS)), &Config::default(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Partial);
    let probes = ["ec2:DescribeRegions", "s3:ListBuckets", "sts:GetCallerIdentity"]
        .map(|operation| probe(operation, ProbeOutcome::Failed("no such principal".into())));
    let permissions = judged_by(&Grants::default(), &Config::default(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
}

#[test]
fn a_condition_makes_a_write_indeterminate_and_a_malformed_document_everything() {
    let conditional = json!([{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "audit" } },
    }]);
    assert_eq!(judged(&conditional).overall_status, OverallStatus::Indeterminate);
    let mut grants = grants(&allow(&READS));
    grants.problems.push(crate::grants::Problem {
        policy: "given".into(),
        statement: None,
        kind: ProblemKind::Malformed,
        what: "no JSON".into(),
    });
    let permissions = judged_by(&grants, &Config::default(), &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
    assert!(checks(&permissions, CheckStatus::Blocked).is_empty());
}

#[test]
fn a_simulator_that_allows_more_makes_it_indeterminate() {
    let dissent = |action: &str, here: &str, simulator: &str| SecondOpinion {
        asked: 1,
        agreed: 0,
        dissent: vec![super::super::Dissent {
            action: action.into(),
            here: here.into(),
            simulator: simulator.into(),
        }],
        unasked: None,
    };
    let status =
        |opinion| judged_by(&grants(&allow(&READS)), &Config::default(), &[], Some(opinion)).overall_status;
    assert_eq!(status(dissent("s3:PutObject", "denied", "allowed")), OverallStatus::Indeterminate);
    assert_eq!(status(dissent("s3:ListBucket", "denied", "allowed")), OverallStatus::Valid);
    assert_eq!(status(dissent("ec2:DescribeRegions", "granted", "implicitDeny")), OverallStatus::Valid);
}

#[test]
fn an_override_tolerates_only_what_it_covers() {
    let entry = |resource: Option<&str>, expires| crate::config::Override {
        id: "own-bucket".into(),
        principal: "arn:aws:iam::*:role/Auditor".into(),
        operation: "s3:Put*".into(),
        resource: resource.map(str::to_owned),
        owner: "audit".into(),
        reason: "keeps what it found".into(),
        expires,
    };
    let statements = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::audit/${aws:userid}/*" },
    ]);
    let status = |entry| {
        let config = Config { overrides: vec![entry], ..Config::default() };
        let permissions = judged_by(&grants(&statements), &config, &[], None);
        (permissions.overall_status, permissions.tolerated.values().sum::<u64>())
    };
    let later = Time(AT.0 + 1);
    assert_eq!(status(entry(None, later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/*"), later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/a/*"), later)), (OverallStatus::OverPrivileged, 0));
    assert_eq!(status(entry(None, AT)), (OverallStatus::OverPrivileged, 0));
}

#[test]
fn calls_are_known_by_the_actions_they_take() {
    let needs = |read: &str| Config {
        permissions: crate::config::PermissionChecks { reads: vec![read.into()], simulate: false },
        ..Config::default()
    };
    let status = |read: &str, actions: &[&str]| {
        let permissions = judged_by(&grants(&allow(actions)), &needs(read), &[], None);
        (permissions.permission_checks[0].status, permissions.overall_status)
    };
    let passed = (CheckStatus::Passed, OverallStatus::Valid);
    assert_eq!(status("s3:ListBuckets", &["s3:ListAllMyBuckets"]), passed);
    assert_eq!(status("s3:list_buckets", &["s3:ListAllMyBuckets"]), passed);
    assert_eq!(status("ec2:Describe*", &["ec2:Describe*"]), passed);
    let refused = (CheckStatus::Failed, OverallStatus::Invalid);
    assert_eq!(status("ec2:Describe*", &["ec2:DescribeR*"]), refused);
    assert_eq!(status("s3:ListBuckets", &["sqs:ListQueues"]), refused);
    // Nobody knows what such a call takes.
    let open = (CheckStatus::Indeterminate, OverallStatus::Indeterminate);
    assert_eq!(status("newservice:Look", &["newservice:Look"]).0, open.0);
}

#[test]
fn what_is_to_be_done_names_the_statement() {
    let statements = json!([
        { "Sid": "Look", "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Sid": "Touch", "Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "*" },
    ]);
    let told = judged(&statements).recommendations;
    assert!(
        told[0].contains("`iam:CreatePolicyVersion`") && told[0].contains("`create-policy-version`"),
        "{told:?}"
    );
    assert!(told.iter().any(|text| text.contains("statement `Touch` of `given`")), "{told:?}");
    assert!(!told.iter().any(|text| text.contains("`Look`")), "{told:?}");
    assert_eq!(judged(&allow(&READS)).recommendations, [""; 0]);
}

mod laws {
    use std::{
        collections::BTreeMap,
        sync::{Arc, OnceLock},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::grants::{Action, Certainty, Reach};

    fn actions() -> &'static [Arc<Action>] {
        static ACTIONS: OnceLock<Vec<Arc<Action>>> = OnceLock::new();
        ACTIONS.get_or_init(|| {
            let known = Catalog::embedded().expand("*:*").into_iter().map(Action::of);
            let unknown = ["s3:Nonsense", "s3:Nonsen*", "nowhere:*"]
                .map(|pattern| Action::unknown(Catalog::embedded(), pattern));
            known.chain(unknown).map(Arc::new).collect()
        })
    }

    fn judge_once() -> &'static Judge<'static> {
        static JUDGE: OnceLock<(Config, OnceLock<Judge<'static>>)> = OnceLock::new();
        let (config, judge) = JUDGE.get_or_init(Default::default);
        judge.get_or_init(|| Judge::new(config, Catalog::embedded()))
    }

    fn verdict(held: &BTreeMap<usize, Certainty>) -> Permissions {
        let grant = |(at, certainty): (&usize, &Certainty)| Grant {
            action: Arc::clone(&actions()[at % actions().len()]),
            certainty: *certainty,
            reach: Arc::new(Reach { resources: vec!["*".into()], ..Reach::default() }),
        };
        let by_key: BTreeMap<Arc<str>, Grant> =
            held.iter().map(grant).map(|grant| (Arc::clone(&grant.action.key), grant)).collect();
        let grants = Grants { held: by_key.into_values().collect(), ..Grants::default() };
        let identity = Identity::of(AUDITOR, "111122223333", &Config::default());
        let subject = Subject { identity, grants: &grants, policies_sha256: String::new() };
        judge_once().judge(&subject, AT, &[], None)
    }

    fn certainty() -> impl Strategy<Value = Certainty> {
        prop_oneof![Just(Certainty::Granted), Just(Certainty::Conditional)]
    }

    /// Actions from everywhere, the unknown ones at the end among them.
    fn held() -> impl Strategy<Value = BTreeMap<usize, Certainty>> {
        proptest::collection::btree_map(place(), certainty(), 0..12)
    }

    fn place() -> impl Strategy<Value = usize> {
        prop_oneof![8 => any::<u16>().prop_map(usize::from), 1 => (0..3_usize).prop_map(|n| actions().len() - 1 - n)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn one_more_excessive_grant_never_makes_it_better(held in held(), at in place(), certainty in certainty()) {
            let before = verdict(&held).overall_status;
            let action = &actions()[at % actions().len()];
            let mut more = held.clone();
            let already = more.keys().any(|other| other % actions().len() == at % actions().len());
            prop_assume!(!action.is_read() && !already);
            more.insert(at, certainty);
            let after = verdict(&more).overall_status;
            prop_assert!(after >= before && after >= OverallStatus::Indeterminate, "{before:?} {after:?}");
            if certainty == Certainty::Granted && action.is_known {
                prop_assert_eq!(after, OverallStatus::OverPrivileged);
            }
        }

        #[test]
        fn one_more_read_never_hides_a_write(held in held(), at in place()) {
            let before = verdict(&held).overall_status;
            let mut more = held.clone();
            let already = more.keys().any(|other| other % actions().len() == at % actions().len());
            prop_assume!(actions()[at % actions().len()].is_read() && !already);
            more.insert(at, Certainty::Granted);
            let after = verdict(&more).overall_status;
            let over = OverallStatus::OverPrivileged;
            prop_assert_eq!(before == over, after == over);
        }

        #[test]
        fn every_excessive_grant_stands_in_one_check(held in held()) {
            let permissions = verdict(&held);
            let of_grants = |check: &&PermissionCheck| {
                matches!(check.status, CheckStatus::AllowedWrite | CheckStatus::Indeterminate)
            };
            let needed = Config::default().permissions.reads.len();
            let told: u64 =
                permissions.permission_checks[needed..].iter().filter(of_grants).map(|check| check.actions).sum();
            let held: u64 = permissions.services.values().map(|count| count.granted + count.conditional).sum();
            prop_assert_eq!(told, held);
            // What a word of a capability counts is proven not to be there only when it is not.
            for check in permissions.permission_checks.iter().filter(|check| check.status == CheckStatus::Blocked) {
                for word in check.capabilities.words() {
                    let count = &permissions.capabilities[word];
                    prop_assert_eq!(count.granted + count.conditional, 0);
                }
            }
        }
    }
}
