use super::*;
use crate::{
    config::Standard,
    coverage::IntegrityHours,
    finding::RULES,
    render::json::{
        escape_json,
        tests::{assert_schema_is_current, schema_violation},
    },
};

const SAMPLE: &str = include_str!("../../../docs/packs/gcc-2-0.toml");

/// The built-in packs and the sample.
fn packs() -> Vec<ControlPack> {
    let built_in = Standard::BUILT_IN.into_iter().map(|standard| ControlPack::built_in(standard).unwrap());
    built_in.chain([ControlPack::from_toml(SAMPLE, "gcc-2-0.toml").unwrap()]).collect()
}

/// Evidence on which every control passes.
fn whole() -> ControlEvidence {
    ControlEvidence {
        watched_calls: 3,
        is_complete: true,
        gaps: Vec::new(),
        observed_hours: 24,
        watched_principals: 2,
        log_integrity: Some(IntegrityHours { verified: 24, ..IntegrityHours::default() }),
        record_keeping: RecordKeeping {
            audit_trail: UpkeepState::Done,
            audit_retention: UpkeepState::Done,
            evidence_retention: UpkeepState::Done,
        },
        ..ControlEvidence::default()
    }
}

/// A pack with one control.
fn pack_of(lines: &str) -> ControlPack {
    let text = format!("id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\n{lines}\n");
    ControlPack::from_toml(&text, "x.toml").unwrap()
}

fn only_result(pack: &ControlPack, evidence: &ControlEvidence) -> (ControlState, String) {
    let mut results = pack.evaluate(&Findings::default(), evidence);
    assert_eq!(results.len(), 1);
    let result = results.remove(0);
    (result.state, result.evidence)
}

fn message(text: &str) -> String {
    ControlPack::from_toml(text, "mine.toml").unwrap_err().to_string()
}

#[test]
fn the_published_schema_is_current() {
    let text = serde_json::to_string_pretty(&pack_schema()).unwrap();
    assert_schema_is_current("control-pack.schema.json", STANDARDS_SCHEMA_VERSION, &escape_json(text));
    let text = serde_json::to_string_pretty(&standards_schema()).unwrap();
    assert_schema_is_current("standards.schema.json", STANDARDS_SCHEMA_VERSION, &escape_json(text));
}

#[test]
fn the_documents_fit_their_schema() {
    let schema = serde_json::to_value(standards_schema()).unwrap();
    let pack = ControlPack::built_in(Standard::Soc2).unwrap();
    let schema_version = STANDARDS_SCHEMA_VERSION;
    let summary = StandardSummary::of(Standard::Soc2, Some(&pack), true);
    let custom = StandardSummary::of(Standard::Custom, None, false);
    let bad = ControlPack::from_toml("id = 1\n", "x.toml");
    let documents = [
        serde_json::to_value(StandardsList { schema_version, standards: vec![summary, custom] }).unwrap(),
        serde_json::to_value(PackDocument { schema_version, standard: Standard::Soc2, pack: &pack }).unwrap(),
        serde_json::to_value(PackValidation::of("x.toml", &bad)).unwrap(),
        serde_json::to_value(PackValidation::of("soc2.toml", &Ok(pack.clone()))).unwrap(),
    ];
    for document in documents {
        let options = schema["anyOf"].as_array().unwrap();
        let fits = options.iter().any(|option| schema_violation(&document, option, &schema, "$").is_none());
        assert!(fits, "{document:#}");
    }
}

#[test]
fn notes_name_what_an_author_may_want_to_add() {
    let pack = pack_of("shows = \"s\"\nfailing_rules = [\"over-privileged\"]");
    let notes = pack.notes();
    assert_eq!(notes[0], "control `1` has no `does_not_show`");
    assert!(notes[1].contains("`over-privileged`") && notes[1].contains("add `policies`"), "{notes:?}");
    assert!(notes[2].starts_with("rules that fail no control: `write-succeeded`"), "{notes:?}");
}

#[test]
fn every_control_says_what_it_shows_and_what_it_does_not() {
    for pack in packs() {
        assert!(pack.reference.is_some() && pack.does_not_show.is_some(), "{}", pack.id);
        for control in &pack.controls {
            for text in [&control.shows, &control.does_not_show] {
                let text = text.as_deref().unwrap_or_default();
                assert!(text.ends_with('.') && text.len() > 20, "{} {}: {text}", pack.id, control.id);
            }
        }
    }
}

#[test]
fn every_rule_fails_a_control_of_each_pack_or_is_listed_here_with_the_reason() {
    // Whether a read of customer data was needed is for its owner to say; it breaks no promise to only read.
    const READS: [&str; 2] = ["data-read", "cost-incurred"];
    // A refused read shows that permissions work, and a role of a service that lacks one is a fault of no access control.
    const REFUSALS: [&str; 2] = ["read-denied", "permission-issues"];
    // It asks to complete the list of promises, and most organizations have principals that are meant to write.
    const UNPROMISED: [&str; 1] = ["unclassified-principal"];
    let nowhere: Vec<&str> = [&READS[..], &REFUSALS[..], &UNPROMISED[..]].concat();
    for pack in packs() {
        let expected: &[&str] = match pack.id.as_str() {
            // No criterion is about a promise that no activity tests.
            "GENERAL" | "SOC2" | "ISO27001" => &[],
            // Its recommendations are about settings of accounts: what principals did or attempted decides none of them, except
            // for the root user and the logging.
            "CIS_AWS" => &[
                "write-succeeded",
                "privileged-call",
                "write-failed",
                "unknown-operation",
                "unidentified-write",
                "secret-read",
                "conflicting-evidence",
                "write-denied",
                "write-not-processed",
                "denied-outside-permissions",
                "source-conflict",
                "console-use-by-machine",
                "high-error-rate",
                "critical-errors",
                "override-expired",
                "principal-not-seen",
                "override-wide",
                "outside-business-hours",
                "unused-grant",
                "override-unused",
            ],
            "NIST_800_53" => &[],
            // A guardrail cannot express working hours and errors.
            "GCC_2_0" => &["high-error-rate", "outside-business-hours"],
            other => panic!("`{other}` has no list here"),
        };
        let missing: Vec<&str> = RULES
            .iter()
            .map(|rule| rule.id)
            .filter(|id| expected.contains(id) || nowhere.contains(id))
            .collect();
        assert_eq!(pack.unreached_rules().collect::<Vec<_>>(), missing, "{}", pack.id);
    }
}

#[test]
fn a_control_about_permissions_requires_policies_or_is_listed_here() {
    let weak: Vec<String> = packs()
        .iter()
        .flat_map(|pack| pack.controls.iter().map(move |control| (pack, control)))
        .filter(|(_, control)| {
            let rules = control.failing_rules.iter().filter_map(|id| finding::rule(id));
            rules.into_iter().any(|rule| rule.needs_policies)
                && !control.requires.contains(&ControlRequirement::Policies)
        })
        .map(|(pack, control)| format!("{} {}", pack.id, control.id))
        .collect();
    // They are about signs of misuse, of which permissions give one more; without policies they say so.
    assert_eq!(weak, ["SOC2 CC7.3", "ISO27001 A.8.16", "NIST_800_53 AC-2(12)"]);
}

/// A requirement, and a change of the evidence that takes it away.
type Lack = (ControlRequirement, fn(&mut ControlEvidence));

#[test]
fn every_control_passes_on_whole_evidence_and_on_none_that_lacks_what_it_requires() {
    let lacking: [Lack; 10] = [
        (ControlRequirement::WatchedCalls, |state| state.watched_calls = 0),
        (ControlRequirement::WatchedCalls, |state| state.is_complete = false),
        (ControlRequirement::Evidence, |state| state.observed_hours = 0),
        (ControlRequirement::CompleteEvidence, |state| state.is_complete = false),
        (ControlRequirement::Policies, |state| state.unread_policies = 1),
        (ControlRequirement::Policies, |state| state.partial_policies = 1),
        (ControlRequirement::LogIntegrity, |state| state.log_integrity = None),
        (ControlRequirement::LogIntegrity, |state| {
            state.log_integrity = Some(IntegrityHours { verified: 23, unverified: 1, ..Default::default() });
        }),
        (ControlRequirement::AuditTrail, |state| state.record_keeping.audit_trail = UpkeepState::Overdue),
        (ControlRequirement::Retention, |state| {
            state.record_keeping.evidence_retention = UpkeepState::Unknown;
        }),
    ];
    for pack in packs() {
        for result in pack.evaluate(&Findings::default(), &whole()) {
            assert_eq!(result.state, ControlState::Pass, "{} {}: {}", pack.id, result.id, result.evidence);
        }
        for result in pack.evaluate(&Findings::default(), &ControlEvidence::default()) {
            assert_eq!(result.state, ControlState::NoEvidence, "{} {}", pack.id, result.id);
        }
        for (requirement, remove) in lacking {
            let mut state = whole();
            remove(&mut state);
            for result in pack.evaluate(&Findings::default(), &state) {
                let passes = result.state == ControlState::Pass;
                let (id, evidence) = (&result.id, &result.evidence);
                assert!(!passes || !result.requires.contains(&requirement), "{} {id}: {evidence}", pack.id);
            }
        }
    }
}

#[test]
fn a_result_carries_what_decides_the_control_and_what_it_shows() {
    let pack = ControlPack::built_in(Standard::Soc2).unwrap();
    let result = pack
        .evaluate(&Findings::default(), &whole())
        .into_iter()
        .find(|result| result.id == "CC6.1")
        .unwrap();
    assert_eq!(result.requires, [ControlRequirement::WatchedCalls, ControlRequirement::Policies]);
    assert!(result.failing_rules.iter().any(|rule| rule == "over-privileged"));
    assert_eq!(
        result.evidence,
        "no findings in 3 watched calls; no findings in the policies of 2 watched principals"
    );
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["requires"], serde_json::json!(["watched-calls", "policies"]));
    assert!(json["shows"].is_string() && json["does_not_show"].is_string());
    assert_eq!(serde_json::from_value::<ControlResult>(json).unwrap(), result);
}

#[test]
fn evidence_that_speaks_against_a_requirement_fails_the_control() {
    let with = |requires: &str, change: fn(&mut ControlEvidence)| {
        let mut state = whole();
        change(&mut state);
        only_result(&pack_of(&format!("requires = \"{requires}\"\nfailing_rules = []")), &state)
    };
    let (state, evidence) =
        with("audit-trail", |state| state.record_keeping.audit_trail = UpkeepState::ProblemsFound(2));
    assert_eq!(
        (state, &*evidence),
        (ControlState::Fail, "the verification of the audit trail found 2 problems")
    );
    let (state, evidence) = with("log-integrity", |state| {
        state.log_integrity = Some(IntegrityHours { verified: 23, tampered: 1, ..Default::default() });
    });
    let expected = "the log files of 1 of 24 account-region hours are not as CloudTrail delivered them";
    assert_eq!((state, &*evidence), (ControlState::Fail, expected));
    let (state, evidence) =
        with("retention", |state| state.record_keeping.audit_retention = UpkeepState::Unknown);
    let expected = "no maintenance of a deployment did the retention of the audit trail";
    assert!(evidence.contains(expected), "{evidence}");
    assert_eq!(state, ControlState::NoEvidence);
}

#[test]
fn a_pack_of_an_earlier_version_is_still_one() {
    let pack = pack_of("failing_rules = [\"write-succeeded\", \"write-succeeded\"]");
    let control = &pack.controls[0];
    assert_eq!(control.requires.iter().collect::<Vec<_>>(), [&ControlRequirement::WatchedCalls]);
    assert_eq!((control.failing_rules.len(), &control.shows), (1, &None));
    for requires in ["\"policies\"", "[\"policies\"]"] {
        let pack = pack_of(&format!("requires = {requires}\nfailing_rules = []"));
        assert_eq!(pack.controls[0].requires.iter().collect::<Vec<_>>(), [&ControlRequirement::Policies]);
    }
}

#[test]
fn each_problem_of_a_pack_has_its_line_and_a_remedy() {
    let text = "id = \"X\"\ntitle = \"\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nshow = \"s\"\nfailing_rules = [\n  \"write-suceeded\",\n  \"no-such-rule\",\n]\n[[control]]\nid = \"1\"\ntitle = \"t\"\nrequires = \"policy\"\nfailing_rules = []\n";
    let said = message(text);
    for part in [
        "mine.toml:6:1: unknown key `control[0].show`\n  help: did you mean `shows`?",
        "mine.toml:8:3: unknown value `write-suceeded`\n  help: did you mean `write-succeeded`?",
        "mine.toml:9:3: unknown value `no-such-rule`\n  help: the known values are `write-succeeded`",
        "mine.toml:14:12: unknown value `policy`\n  help: the known values are `watched-calls`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let valid = text.replace("show = \"s\"\n", "").replace("suceeded", "succeeded");
    let valid = valid.replace("  \"no-such-rule\",\n", "").replace("\"policy\"", "\"policies\"");
    let said = message(&valid);
    for part in [
        "mine.toml:2:9: `title` is empty\n  help: write a text",
        "two controls have the id `1`\n  help: change or remove one; the other is at mine.toml:4:6",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let said = message("id = \"X\"\ntitle = \"t\"\ncontrol = []\n");
    assert!(said.contains("has no controls\n  help: add a `[[control]]`"), "{said}");
    let said = message("title = \"t\"\n[[control]]\nid = 1\n");
    for part in [
        "the control pack has no `id`",
        "mine.toml:3:6: `control[0].id` must be a text",
        "has no `failing_rules`",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(message("id = \n").contains("mine.toml:1:6: not valid TOML"));
}

#[test]
fn a_control_that_passes_by_overrides_says_so() {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let evidence = |id: &str, allowed_calls| {
        let results = pack.evaluate(&Findings::default(), &ControlEvidence { allowed_calls, ..whole() });
        results.into_iter().find(|result| result.id == id).unwrap().evidence
    };
    for id in ["RO-1", "RO-2", "RO-4"] {
        let allowed = "no findings in 3 watched calls, of which 2 were allowed by overrides";
        assert_eq!(evidence(id, 2), allowed, "{id}");
        assert_eq!(evidence(id, 0), "no findings in 3 watched calls", "{id}");
    }
    assert_eq!(evidence("RO-5", 2), "no findings in 3 watched calls");
}
