//! What the SARIF of a report says, and how it keeps within the limits of its readers.

use super::*;
use crate::render::sample;

fn run(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["runs"].as_array().unwrap().len(), 1);
    log["runs"][0].clone()
}

#[test]
fn the_results_of_the_broken_promise_are_as_reviewed() {
    let mut run = run(&sarif(&sample::non_compliant()).unwrap());
    let rules = run["tool"]["driver"]["rules"].take();
    insta::assert_json_snapshot!("sarif_non_compliant", run);
    insta::assert_json_snapshot!("sarif_rule", rules[0]);
}

#[test]
fn every_result_has_a_level_a_location_and_a_rule_of_the_driver() {
    for (name, report) in sample::all() {
        let run = run(&sarif(&report).unwrap());
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), report.result.findings.len(), "{name}");
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "{name}");
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{name}");
            let file = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(file, LOCATION);
            assert!(result.get("suppressions").is_none() && result.get("baselineState").is_none());
        }
        for rule in rules {
            let tags = rule["properties"]["tags"].as_array().map_or(0, Vec::len);
            assert!(tags <= 20 && rule["id"].as_str().unwrap().chars().count() <= 255, "{name}");
        }
        assert!(run["invocations"][0].get("toolExecutionNotifications").is_none(), "{name}");
    }
}

#[test]
fn every_rule_has_help_in_markdown() {
    let run = run(&sarif(&sample::empty()).unwrap());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), RULES.len());
    for rule in rules {
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("**What to do.**"), "{rule}");
    }
    assert_eq!(run["results"], json!([]));
}

#[test]
fn what_is_too_much_is_left_out_and_said() {
    let report = sample::many_findings(1_000);
    let shown = |text: &str| {
        let run = run(text);
        let results = run["results"].as_array().unwrap().len();
        let notice = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].clone();
        (results, notice.as_str().unwrap().to_owned())
    };
    let (results, notice) = shown(&within(&report, SarifLimits { results: 100, ..GITHUB }).unwrap());
    assert_eq!(results, 100);
    assert!(notice.starts_with("900 of 1000 findings are left out"), "{notice}");
    let most = 20_000;
    let text = within(&report, SarifLimits { compressed_bytes: most, ..GITHUB }).unwrap();
    let (results, _) = shown(&text);
    assert!(results > 10 && results < 1_000, "{results}");
    assert!(compressed(&text).unwrap() <= most);
}

#[test]
fn hostile_text_forms_no_link_and_no_placeholder() {
    let text = sarif(&sample::hostile()).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains("[x](http"));
    for result in run(&text)["results"].as_array().unwrap() {
        let message = result["message"]["text"].as_str().unwrap();
        assert!(!message.replace("{{", "").replace("}}", "").contains(['{', '}']), "{message}");
    }
}
