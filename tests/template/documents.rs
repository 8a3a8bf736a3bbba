//! What the documents tell an operator to type and to permit.

use super::*;

/// The pages with commands for an operator.
const PAGES: [&str; 4] = ["deployment.md", "evidence-sources.md", "moving.md", "runbook.md"];

fn document(name: &str) -> String {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).expect("a document")
}

/// The blocks of commands of a page, each command on one line.
fn commands(page: &str) -> String {
    let blocks = page.split("```").skip(1).step_by(2).filter(|block| block.starts_with("sh\n"));
    blocks.collect::<Vec<_>>().concat().replace("\\\n", " ")
}

/// The line that defines a shell function.
fn definition<'a>(commands: &'a str, function: &str) -> Option<&'a str> {
    commands.lines().find(|line| line.starts_with(&format!("{function}() {{")))
}

/// The words of a command. A space between quotes separates none.
fn words(command: &str) -> Vec<String> {
    let (mut found, mut quote) = (vec![String::new()], None);
    for c in command.chars() {
        match (quote, c) {
            (None, ' ') => found.push(String::new()),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            _ => found.last_mut().expect("a word").push(c),
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

/// What commands name exists, and a payload is not taken for base64 (AWS CLI v2).
#[test]
fn commands_in_the_documents_name_outputs_parameters_and_functions_that_exist() {
    let stack = StackTemplate::read();
    let member = template("member.yaml");
    let outputs = stack.0["Outputs"].as_object().expect("outputs");
    let functions: BTreeSet<String> = stack.functions().iter().map(|(name, _)| name.to_lowercase()).collect();
    for file in PAGES {
        let text = commands(&document(file));
        let word_after = |start: &str| -> Vec<String> {
            let end = |c: char| !c.is_ascii_alphanumeric();
            text.split(start)
                .skip(1)
                .map(|rest| rest.split(end).next().unwrap_or_default().to_owned())
                .collect()
        };
        let used = word_after("$(output ");
        assert!(used.len() > 3, "{file}");
        for output in used {
            assert!(outputs.contains_key(&output), "{file}: output `{output}`");
        }
        for function in word_after("\nrun ") {
            assert!(functions.contains(&function), "{file}: function `{function}`");
        }
        for parameter in word_after("ParameterKey=").into_iter().filter(|one| !one.is_empty()) {
            assert!(member["Parameters"][&parameter].is_object(), "{file}: parameter `{parameter}`");
        }
        for line in text.lines() {
            if line.contains("lambda invoke") {
                assert!(line.contains("--cli-binary-format raw-in-base64-out"), "{file}: {line}");
            }
            let Some((command, overrides)) = line.split_once("--parameter-overrides ") else { continue };
            let of = if command.contains("member.yaml") { &member } else { &stack.0 };
            for pair in words(overrides) {
                let name = pair.split('=').next().unwrap_or_default();
                assert!(of["Parameters"][name].is_object(), "{file}: parameter `{name}`");
            }
        }
    }
}

/// `samconfig.toml` names one stack, which need not be the one that the operator means.
#[test]
fn each_sam_command_in_the_documents_names_its_stack() {
    let mut found = 0;
    for file in PAGES {
        for line in commands(&document(file)).lines() {
            if line.contains("sam deploy") || line.contains("sam delete") {
                found += 1;
                assert!(line.contains(r#"--stack-name "$STACK""#), "{file}: {line}");
                // Uploads are named by their content, so stacks without prefixes share them.
                assert!(
                    line.contains("sam delete") || line.contains(r#"--s3-prefix "$STACK""#),
                    "{file}: {line}"
                );
            }
        }
    }
    assert!(found > 2, "{found}");
}

#[test]
fn all_pages_define_the_same_shell_functions() {
    let [deployment, others @ ..] = PAGES.map(|file| commands(&document(file)));
    for (function, pages) in [("output", 3), ("run", 2), ("deploy", 2)] {
        let of_deployment = definition(&deployment, function);
        assert!(of_deployment.is_some(), "{function}");
        let defined: Vec<_> = others.iter().filter_map(|page| definition(page, function)).collect();
        assert_eq!(defined.len(), pages, "{function}");
        assert!(defined.iter().all(|one| Some(*one) == of_deployment), "{function}");
    }
}

/// The sections of the deployment guide, in their order.
const SECTIONS: [&str; 12] = [
    "Prerequisites",
    "Pre-deployment validation",
    "Tuning",
    "Steps",
    "Monitoring",
    "Backup",
    "Troubleshooting",
    "Performance",
    "Rollback",
    "Maintenance",
    "Hardening",
    "Support",
];

#[test]
fn the_deployment_guide_has_its_twelve_sections_and_begins_with_a_list_of_them() {
    let page = document("deployment.md");
    let found: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let (list, _) = page.split_once("\n## ").expect("a section");
    let links: Vec<&str> =
        list.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!((found.len(), links.len()), (SECTIONS.len(), SECTIONS.len()));
    for (number, name) in (1..).zip(SECTIONS) {
        assert_eq!(found[number - 1], format!("{number}. {name}"));
        let anchor = name.to_lowercase().replace(' ', "-");
        assert!(links[number - 1].starts_with(&format!("{number}. [{name}](#{number}-{anchor})")), "{name}");
    }
}

#[test]
fn the_policies_in_the_documents_name_actions_that_exist_on_resources_of_the_stack() {
    for file in ["deployer-policy.json", "operator-policy.json"] {
        let policy: Value = serde_json::from_str(&document(file)).expect("JSON");
        for statement in all_statements(&policy) {
            for action in string_values(&statement["Action"]) {
                assert!(!Catalog::embedded().expand(action).is_empty(), "{file}: action `{action}`");
                let is_limited = statement["Resource"] != "*" || statement["Condition"].is_object();
                let is_read = access::is_read_only_action(action) || action == "lambda:TagResource";
                assert!(is_limited || is_read, "{file}: {action} on all resources");
            }
            if string_values(&statement["Action"]).contains(&"iam:PassRole") {
                assert!(statement["Condition"]["StringEquals"]["iam:PassedToService"].is_array(), "{file}");
            }
        }
    }
}

#[test]
fn the_policy_of_the_deployer_covers_each_service_of_the_template() {
    let policy: Value = serde_json::from_str(&document("deployer-policy.json")).expect("JSON");
    let allowed: BTreeSet<String> = all_statements(&policy)
        .iter()
        .flat_map(|statement| string_values(&statement["Action"]))
        .filter_map(|action| Some(action.split_once(':')?.0.to_owned()))
        .collect();
    for (name, resource) in StackTemplate::read().0["Resources"].as_object().expect("resources") {
        let kind = resource["Type"].as_str().expect("a type");
        let service = match kind.split("::").nth(1).unwrap_or_default() {
            "Serverless" => "lambda".to_owned(),
            "StepFunctions" => "states".to_owned(),
            other => other.to_lowercase(),
        };
        assert!(allowed.contains(&service), "{name}: {kind}");
    }
    // The longest inline policies of a role (IAM quotas, read 2026-11); spaces do not count.
    assert!(policy.to_string().len() <= 10_240);
}
