//! Used reads are never lost. Law: every read that the evidence shows and the policies allow is allowed under each
//! guardrail, whatever classes are promised: reads of versions by the action that a version needs, data events, and uses
//! of KMS keys through the service that made them.

use std::sync::LazyLock;

use onlooker_core::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    event::{Event, EventClass, Outcome},
    evidence_summary::{EvidenceSummary, ReportScope},
    grants::{AuthorizationRequest, Decision, Evaluator, PolicySnapshot, RequestContext},
    guardrails::{GuardrailKind, GuardrailOptions, PrincipalUsage},
    record::RequestFeatures,
    segment::Segment,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use test_support::events::{EventExt as _, auditor_call};

use super::{
    scenario::{GuardrailScenario, ROLE},
    through_services::guarded,
};

const KINDS: [GuardrailKind; 3] = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];

static EVALUATOR: LazyLock<Evaluator<'static>> = LazyLock::new(|| Evaluator::new(Catalog::embedded()));

/// A read, and the actions that it needs for the current version and for one that it names.
struct VersionedRead {
    name: &'static str,
    current: &'static [&'static str],
    version: &'static [&'static str],
}

const READS: [VersionedRead; 6] = [
    VersionedRead { name: "GetObject", current: &["s3:GetObject"], version: &["s3:GetObjectVersion"] },
    VersionedRead { name: "HeadObject", current: &["s3:GetObject"], version: &["s3:GetObjectVersion"] },
    VersionedRead {
        name: "GetObjectAcl",
        current: &["s3:GetObjectAcl"],
        version: &["s3:GetObjectVersionAcl"],
    },
    VersionedRead {
        name: "GetObjectTagging",
        current: &["s3:GetObjectTagging"],
        version: &["s3:GetObjectVersionTagging"],
    },
    VersionedRead {
        name: "GetObjectAttributes",
        current: &["s3:GetObject", "s3:GetObjectAttributes"],
        version: &["s3:GetObjectVersion", "s3:GetObjectVersionAttributes"],
    },
    VersionedRead {
        name: "GetObjectTorrent",
        current: &["s3:GetObjectTorrent"],
        version: &["s3:GetObjectVersionTorrent"],
    },
];

fn object_read(name: &str, features: RequestFeatures) -> Event {
    let mut event = auditor_call("GetObject").calling("s3.amazonaws.com", name);
    event.call_key.request_features = features;
    event
}

fn parameter_read() -> [Event; 2] {
    let mut parameter = auditor_call("GetSecretValue").calling("ssm.amazonaws.com", "GetParameter");
    parameter.call_key.class = EventClass::ManagementRead;
    [parameter, auditor_call("Decrypt").invoked_by("ssm.amazonaws.com")]
}

/// What the auditor used, by these events.
fn usage(events: Vec<Event>, config: &Config) -> PrincipalUsage {
    let events = (1..).zip(events).map(|(id, event)| event.with_id(id));
    let summary =
        EvidenceSummary::from_segment(Segment::from_events(events), ReportScope::between(None, None));
    let coverage = Coverage::of(&summary, &config.coverage, None);
    let EvidenceSummary { tally, lead_in, evidence_quality, .. } = &summary;
    let catalog = Catalog::embedded();
    let assessment =
        Assessment::classify(tally, &lead_in.tally, &coverage, evidence_quality, catalog, config);
    PrincipalUsage::of(&assessment, ROLE, catalog)
}

fn promise(classes: &[&str]) -> Config {
    let mut config = Config::default();
    config.coverage.event_classes = classes.iter().map(|class| (*class).to_owned()).collect();
    config.coverage.logged.clone_from(&config.coverage.event_classes);
    config
}

fn is_allowed(snapshot: &PolicySnapshot, action: &str, resource: &str, via: Option<&str>) -> bool {
    let keys = via.map(|service| ("kms:viaservice".to_owned(), vec![service.to_owned()]));
    let context = RequestContext { keys: keys.into_iter().collect(), is_complete: true };
    let request = AuthorizationRequest { action, resource, context: &context };
    matches!(EVALUATOR.decide(snapshot, &request), Decision::Allowed(_))
}

/// Each is read on an object in the bucket that every policy allows.
const OBJECT: &str = "arn:aws:s3:::logs/a.json";

fn policies() -> impl Strategy<Value = Value> {
    let actions = proptest::sample::select(vec![
        json!("*"),
        json!(["s3:*", "ssm:*", "kms:*"]),
        json!(["s3:Get*", "s3:List*", "ssm:GetParameter", "kms:Decrypt"]),
    ]);
    let resource = proptest::sample::select(vec![
        json!("*"),
        json!(["arn:aws:s3:::logs/*", "arn:aws:kms:*", "arn:aws:ssm:*"]),
    ]);
    (actions, resource).prop_map(
        |(actions, resource)| json!([{ "Effect": "Allow", "Action": actions, "Resource": resource }]),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_used_read_stays_allowed(
        own in policies(),
        reads in proptest::collection::vec((0..READS.len(), any::<bool>(), any::<bool>()), 0..5),
        uses_key in any::<bool>(),
        is_narrow in any::<bool>(),
        exact in any::<bool>(),
    ) {
        let mut events = vec![auditor_call("DescribeInstances")];
        let mut needed: Vec<&str> = Vec::new();
        for (at, names_version, fails) in &reads {
            let read = &READS[*at];
            let features = if *names_version { RequestFeatures::VERSION } else { RequestFeatures::empty() };
            let outcome = if *fails { Outcome::Failed } else { Outcome::Succeeded };
            events.push(object_read(read.name, features).with_outcome(outcome));
            needed.extend(if *names_version { read.version } else { read.current });
        }
        if uses_key {
            events.extend(parameter_read());
        }
        let config = promise(match is_narrow {
            true => &["management-read", "management-write"],
            false => &["management-read", "management-write", "data"],
        });
        let mut scenario = GuardrailScenario::with(own);
        scenario.used = Some(usage(events, &config));
        scenario.config = config;
        scenario.options = GuardrailOptions { exact, ..GuardrailOptions::default() };
        for kind in KINDS {
            if kind == GuardrailKind::Allow && reads.is_empty() && !uses_key {
                continue;
            }
            let made = scenario.build(kind);
            let snapshot = guarded(&scenario, &made);
            for action in &needed {
                prop_assert!(is_allowed(&scenario.snapshot, action, OBJECT, None), "{action}");
                prop_assert!(is_allowed(&snapshot, action, OBJECT, None), "{kind:?} {action}");
                prop_assert!(made.proof.used_kept >= 1 && !made.removed.contains(*action));
            }
            if uses_key {
                let key = "arn:aws:kms:us-east-1:111122223333:key/1";
                let parameter = "arn:aws:ssm:us-east-1:111122223333:parameter/p";
                prop_assert!(is_allowed(&snapshot, "ssm:GetParameter", parameter, None), "{kind:?}");
                prop_assert!(is_allowed(&snapshot, "kms:Decrypt", key, Some("ssm.us-east-1.amazonaws.com")), "{kind:?}");
                prop_assert!(!is_allowed(&snapshot, "kms:Decrypt", key, None), "{kind:?}");
            }
        }
    }
}

#[test]
fn a_read_of_a_version_does_not_keep_the_read_of_the_current_object() {
    let mut scenario =
        GuardrailScenario::with(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]));
    scenario.used =
        Some(usage(vec![object_read("GetObject", RequestFeatures::VERSION)], &promise(&["data"])));
    let made = scenario.build(GuardrailKind::Allow);
    let snapshot = guarded(&scenario, &made);
    assert!(is_allowed(&snapshot, "s3:GetObjectVersion", OBJECT, None));
    assert!(!is_allowed(&snapshot, "s3:GetObject", OBJECT, None));
}

#[test]
fn a_denied_read_of_a_version_is_not_used() {
    let denied = object_read("GetObject", RequestFeatures::VERSION).with_outcome(Outcome::Denied);
    let used = usage(vec![auditor_call("DescribeInstances"), denied], &promise(&["data"]));
    assert_eq!(used.actions.keys().map(|key| &**key).collect::<Vec<_>>(), ["ec2:DescribeInstances"]);
    assert_eq!(used.denied, 1);
}
