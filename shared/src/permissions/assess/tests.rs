//! Principals and their expected assessments.

use serde_json::{Value, json};

use super::*;
use crate::{
    grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
    permissions::ProbeOutcome,
    principal::PrincipalKind,
};

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";
const AT: Time = Time(1_800_000_000);

fn grants(statements: &Value) -> Grants {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "given".into(), origin: PolicyOrigin::Given, text: text.into() };
    let snapshot = PolicySnapshot {
        principal: AUDITOR.into(),
        identity_policies: vec![policy],
        ..PolicySnapshot::default()
    };
    Evaluator::new(Catalog::embedded()).grants(&snapshot)
}

fn assess_with(
    grants: &Grants,
    config: &Config,
    probes: &[Probe],
    simulation: Option<SimulationComparison>,
) -> PermissionsAssessment {
    let identity = PrincipalIdentity {
        arn: AUDITOR.into(),
        kind: PrincipalKind::Role,
        account: "111122223333".into(),
        watched_as: None,
    };
    let subject = AssessedPrincipal { identity, grants, policies_sha256: String::new() };
    assess(&subject, config, Catalog::embedded(), AT, probes, simulation)
}

/// A configuration that requires three reads.
fn requiring_reads() -> Config {
    let mut config = Config::default();
    config.permissions.reads =
        ["sts:GetCallerIdentity", "ec2:DescribeRegions", "s3:ListBuckets"].map(str::to_owned).to_vec();
    config
}

fn assess_statements(statements: &Value) -> PermissionsAssessment {
    assess_with(&grants(statements), &requiring_reads(), &[], None)
}

#[test]
fn no_read_is_required_by_default() {
    for (statements, status) in [
        (allow(&["ec2:DescribeRegions"]), OverallStatus::Valid),
        (json!([{ "Effect": "Deny", "Action": "*", "Resource": "*" }]), OverallStatus::Valid),
        (allow(&["ec2:DescribeRegions", "s3:PutObject"]), OverallStatus::OverPrivileged),
    ] {
        let permissions = assess_with(&grants(&statements), &Config::default(), &[], None);
        assert_eq!(permissions.overall_status, status, "{}", permissions.reason);
        assert!(checks_with_status(&permissions, CheckStatus::Failed).is_empty());
    }
    let permissions = assess_with(&grants(&allow(&["ec2:DescribeRegions"])), &Config::default(), &[], None);
    assert_eq!(permissions.reason, "only reads are granted; no reads are required");
}

fn allow(actions: &[&str]) -> Value {
    json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }])
}

fn checks_with_status(permissions: &PermissionsAssessment, status: CheckStatus) -> Vec<&PermissionCheck> {
    permissions.permission_checks.iter().filter(|check| check.status == status).collect()
}

const READS: [&str; 2] = ["ec2:DescribeRegions", "s3:ListAllMyBuckets"];

#[test]
fn administrator_is_over_privileged_in_few_checks() {
    let permissions = assess_statements(&allow(&["*"]));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    assert!(checks_with_status(&permissions, CheckStatus::Blocked).is_empty());
    let checks = checks_with_status(&permissions, CheckStatus::AllowedWrite);
    assert!(checks.len() < 1_500, "{}", checks.len());
    let reported: u64 = checks.iter().map(|check| check.actions).sum();
    let held: u64 = permissions.services.values().map(|count| count.unconditional).sum();
    assert_eq!(reported, held);
    assert!(held > 8_000, "{held}");
}

#[test]
fn read_only_principal_is_valid_with_blocked_checks() {
    let permissions = assess_statements(&allow(&READS));
    assert_eq!(permissions.overall_status, OverallStatus::Valid, "{}", permissions.reason);
    assert_eq!(checks_with_status(&permissions, CheckStatus::Passed).len(), 3);
    let blocked = checks_with_status(&permissions, CheckStatus::Blocked);
    let mutate = blocked.iter().find(|check| check.capabilities == crate::operation::Capabilities::MUTATE);
    assert!(mutate.is_some_and(|check| check.actions > 8_000), "{blocked:?}");
}

#[test]
fn denied_required_reads_make_it_partial_or_invalid() {
    assert_eq!(assess_statements(&allow(&["ec2:DescribeRegions"])).overall_status, OverallStatus::Partial);
    let config = Config {
        permissions: crate::config::PermissionCheckSettings {
            reads: vec!["s3:ListBuckets".into()],
            simulate: false,
        },
        ..Config::default()
    };
    let permissions = assess_with(&grants(&allow(&["ec2:DescribeRegions"])), &config, &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Invalid);
}

#[test]
fn working_read_never_hides_a_write() {
    let all = [&READS[..], &["s3:PutObject"]].concat();
    let permissions = assess_statements(&allow(&all));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    let writes = checks_with_status(&permissions, CheckStatus::AllowedWrite);
    assert_eq!((writes.len(), &*writes[0].operation), (1, "PutObject"));
}

fn probe(operation: &str, outcome: ProbeOutcome) -> Probe {
    let (service, operation) = operation.split_once(':').unwrap();
    Probe { service: service.into(), operation: operation.into(), outcome }
}

#[test]
fn throttling_is_an_error_not_a_denial() {
    let throttled = |operation| probe(operation, ProbeOutcome::Throttled("Rate exceeded".into()));
    let probes = [throttled("ec2:DescribeRegions"), throttled("s3:ListBuckets")];
    let permissions = assess_with(&grants(&allow(&READS)), &requiring_reads(), &probes, None);
    assert_eq!(checks_with_status(&permissions, CheckStatus::Error).len(), 2);
    assert_eq!(checks_with_status(&permissions, CheckStatus::Failed).len(), 0);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate, "{}", permissions.reason);
}

#[test]
fn probe_takes_precedence_over_policies() {
    let probes = [probe("ec2:DescribeRegions", ProbeOutcome::Denied("UnauthorizedOperation".into()))];
    let permissions = assess_with(&grants(&allow(&READS)), &requiring_reads(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Partial);
    let probes = ["ec2:DescribeRegions", "s3:ListBuckets", "sts:GetCallerIdentity"]
        .map(|operation| probe(operation, ProbeOutcome::Failed("no such principal".into())));
    let permissions = assess_with(&Grants::default(), &requiring_reads(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
}

#[test]
fn a_condition_makes_a_write_indeterminate_and_a_malformed_document_everything() {
    let conditional = json!([{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "audit" } },
    }]);
    assert_eq!(assess_statements(&conditional).overall_status, OverallStatus::Indeterminate);
    let mut grants = grants(&allow(&READS));
    grants.problems.push(crate::grants::PolicyProblem {
        policy: "given".into(),
        statement: None,
        kind: PolicyProblemKind::Malformed,
        message: "not valid JSON".into(),
    });
    let permissions = assess_with(&grants, &Config::default(), &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
    assert!(checks_with_status(&permissions, CheckStatus::Blocked).is_empty());
}

#[test]
fn a_simulator_that_allows_more_makes_it_indeterminate() {
    let conflict = |action: &str, here: &str, simulator: &str| SimulationComparison {
        compared: 1,
        agreed: 0,
        conflicts: vec![crate::permissions::SimulationConflict {
            action: action.into(),
            policies: here.into(),
            simulator: simulator.into(),
        }],
        incomplete_reason: None,
    };
    let status = |simulation| {
        assess_with(&grants(&allow(&READS)), &Config::default(), &[], Some(simulation)).overall_status
    };
    assert_eq!(status(conflict("s3:PutObject", "denied", "allowed")), OverallStatus::Indeterminate);
    assert_eq!(status(conflict("s3:ListBucket", "denied", "allowed")), OverallStatus::Valid);
    assert_eq!(status(conflict("ec2:DescribeRegions", "granted", "implicitDeny")), OverallStatus::Valid);
}

#[test]
fn an_override_tolerates_only_what_it_covers() {
    let entry = |resource: Option<&str>, expires| crate::config::Override {
        id: "own-bucket".into(),
        principal: "arn:aws:iam::*:role/Auditor".into(),
        operation: "s3:Put*".into(),
        resource: resource.map(str::to_owned),
        owner: "audit".into(),
        reason: "stores its results".into(),
        from: None,
        expires,
    };
    let statements = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::audit/${aws:userid}/*" },
    ]);
    let status = |entry| {
        let config = Config { overrides: vec![entry], ..Config::default() };
        let permissions = assess_with(&grants(&statements), &config, &[], None);
        (permissions.overall_status, permissions.tolerated.values().sum::<u64>())
    };
    let later = Time(AT.0 + 1);
    assert_eq!(status(entry(None, later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/*"), later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/a/*"), later)), (OverallStatus::OverPrivileged, 0));
    assert_eq!(status(entry(None, AT)), (OverallStatus::OverPrivileged, 0));
}

#[test]
fn required_calls_are_checked_by_their_actions() {
    let needs = |read: &str| Config {
        permissions: crate::config::PermissionCheckSettings { reads: vec![read.into()], simulate: false },
        ..Config::default()
    };
    let status = |read: &str, actions: &[&str]| {
        let permissions = assess_with(&grants(&allow(actions)), &needs(read), &[], None);
        (permissions.permission_checks[0].status, permissions.overall_status)
    };
    let passed = (CheckStatus::Passed, OverallStatus::Valid);
    assert_eq!(status("s3:ListBuckets", &["s3:ListAllMyBuckets"]), passed);
    assert_eq!(status("s3:list_buckets", &["s3:ListAllMyBuckets"]), passed);
    assert_eq!(status("ec2:Describe*", &["ec2:Describe*"]), passed);
    let failed = (CheckStatus::Failed, OverallStatus::Invalid);
    assert_eq!(status("ec2:Describe*", &["ec2:DescribeR*"]), failed);
    assert_eq!(status("s3:ListBuckets", &["sqs:ListQueues"]), failed);
    // The IAM action of this call is unknown.
    let open = (CheckStatus::Indeterminate, OverallStatus::Indeterminate);
    assert_eq!(status("newservice:Look", &["newservice:Look"]).0, open.0);
}

#[test]
fn recommendations_name_the_statement() {
    let statements = json!([
        { "Sid": "Look", "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Sid": "Touch", "Effect": "Allow", "Action": "iam:CreatePolicyVersion", "Resource": "*" },
    ]);
    let recommendations = assess_statements(&statements).recommendations;
    assert!(
        recommendations[0].contains("`iam:CreatePolicyVersion`")
            && recommendations[0].contains("`create-policy-version`"),
        "{recommendations:?}"
    );
    assert!(
        recommendations.iter().any(|text| text.contains("statement `Touch` of `given`")),
        "{recommendations:?}"
    );
    assert!(!recommendations.iter().any(|text| text.contains("`Look`")), "{recommendations:?}");
    assert_eq!(assess_statements(&allow(&READS)).recommendations, [""; 0]);
}

mod laws {
    use std::{
        collections::BTreeMap,
        sync::{Arc, OnceLock},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::grants::{Action, Certainty, GrantScope};

    fn actions() -> &'static [Arc<Action>] {
        static ACTIONS: OnceLock<Vec<Arc<Action>>> = OnceLock::new();
        ACTIONS.get_or_init(|| {
            let known = Catalog::embedded()
                .expand("*:*")
                .into_iter()
                .map(|entry| Action::of(&entry.key(), &entry.facts));
            let unknown = ["s3:Nonsense", "s3:Nonsen*", "nowhere:*"]
                .map(|pattern| Action::unknown(Catalog::embedded(), pattern));
            known.chain(unknown).map(Arc::new).collect()
        })
    }

    fn shared_assessor() -> &'static PermissionsAssessor<'static> {
        static ASSESSOR: OnceLock<(Config, OnceLock<PermissionsAssessor<'static>>)> = OnceLock::new();
        let (config, assessor) = ASSESSOR.get_or_init(Default::default);
        assessor.get_or_init(|| PermissionsAssessor::new(config, Catalog::embedded()))
    }

    fn grant_of(at: usize, certainty: Certainty) -> Grant {
        Grant {
            action: Arc::clone(&actions()[at % actions().len()]),
            certainty,
            scope: Arc::new(GrantScope { resources: vec!["*".into()], ..GrantScope::default() }),
        }
    }

    fn assess_grants(held: &BTreeMap<usize, Certainty>) -> PermissionsAssessment {
        let grants = held.iter().map(|(at, certainty)| grant_of(*at, *certainty));
        let by_key: BTreeMap<Arc<str>, Grant> =
            grants.map(|grant| (Arc::clone(&grant.action.key), grant)).collect();
        let grants = Grants { entries: by_key.into_values().collect(), ..Grants::default() };
        let identity = PrincipalIdentity::of(AUDITOR, "111122223333", &Config::default());
        let subject = AssessedPrincipal { identity, grants: &grants, policies_sha256: String::new() };
        shared_assessor().assess(&subject, AT, &[], None)
    }

    fn certainty() -> impl Strategy<Value = Certainty> {
        prop_oneof![Just(Certainty::Unconditional), Just(Certainty::Conditional)]
    }

    /// Actions of the whole catalog and the unknown ones at its end.
    fn granted_actions() -> impl Strategy<Value = BTreeMap<usize, Certainty>> {
        proptest::collection::btree_map(action_position(), certainty(), 0..12)
    }

    fn action_position() -> impl Strategy<Value = usize> {
        prop_oneof![8 => any::<u16>().prop_map(usize::from), 1 => (0..3_usize).prop_map(|n| actions().len() - 1 - n)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn another_excessive_grant_never_improves_the_status(held in granted_actions(), at in action_position(), certainty in certainty()) {
            let before = assess_grants(&held).overall_status;
            let action = &actions()[at % actions().len()];
            let mut more = held.clone();
            let already = more.keys().any(|other| other % actions().len() == at % actions().len());
            prop_assume!(!grant_of(at, certainty).gives_only_reads() && !already);
            more.insert(at, certainty);
            let after = assess_grants(&more).overall_status;
            prop_assert!(after >= before && after >= OverallStatus::Indeterminate, "{before:?} {after:?}");
            if certainty == Certainty::Unconditional && action.is_known {
                prop_assert_eq!(after, OverallStatus::OverPrivileged);
            }
        }

        #[test]
        fn another_read_never_hides_a_write(held in granted_actions(), at in action_position()) {
            let before = assess_grants(&held).overall_status;
            let mut more = held.clone();
            let already = more.keys().any(|other| other % actions().len() == at % actions().len());
            prop_assume!(actions()[at % actions().len()].is_read_only() && !already);
            more.insert(at, Certainty::Unconditional);
            let after = assess_grants(&more).overall_status;
            let over = OverallStatus::OverPrivileged;
            prop_assert_eq!(before == over, after == over);
        }

        #[test]
        fn every_excessive_grant_is_in_exactly_one_check(held in granted_actions()) {
            let permissions = assess_grants(&held);
            let of_grants = |check: &&PermissionCheck| {
                matches!(check.status, CheckStatus::AllowedWrite | CheckStatus::Indeterminate)
            };
            let needed = Config::default().permissions.reads.len();
            let reported: u64 =
                permissions.permission_checks[needed..].iter().filter(of_grants).map(|check| check.actions).sum();
            let held: u64 = permissions.services.values().map(|count| count.unconditional + count.conditional).sum();
            prop_assert_eq!(reported, held);
            // A capability is reported as blocked only if its count is zero.
            for check in permissions.permission_checks.iter().filter(|check| check.status == CheckStatus::Blocked) {
                for word in check.capabilities.names() {
                    let count = &permissions.capabilities[word];
                    prop_assert_eq!(count.unconditional + count.conditional, 0);
                }
            }
        }
    }
}
