//! The parameters that a deployment sets.
//!
//! Enters: the texts of `template.yaml` and `samconfig.toml`. Leaves: a check for each parameter that the template does not have,
//! and the configuration object that they name. Law: neither file is interpreted beyond the names and values of parameters.

use std::{collections::BTreeSet, fs, path::Path};

use onlooker_core::{escape::escape_hidden, suggest::suggest};

use crate::diagnosis::Check;

const GROUP: &str = "template";

/// Every check of the parameters.
pub fn all(folder: &Path) -> Vec<Check> {
    let read = |name: &str| fs::read_to_string(folder.join(name));
    let template = match read("template.yaml") {
        Ok(text) => text,
        Err(error) => {
            return vec![Check::problem(
                GROUP,
                "template",
                format!("cannot read `{}`: {error}", folder.join("template.yaml").display()),
                "run it in the folder of the template, or name it with `--folder DIR`",
            )];
        }
    };
    let known = parameters(&template);
    match read("samconfig.toml") {
        Ok(text) => check_overrides(&known, &overrides(&text)),
        Err(_) => vec![Check::ok(GROUP, "parameters", "no samconfig.toml: the defaults apply")],
    }
}

/// The object of the configuration that `samconfig.toml` names.
pub fn configuration_object(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("samconfig.toml")).ok()?;
    let (_, object) = overrides(&text).into_iter().find(|(name, _)| name == "ConfigurationObject")?;
    (!object.is_empty()).then_some(object)
}

/// The names below `Parameters:` of a template.
fn parameters(template: &str) -> BTreeSet<&str> {
    let block = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    let inside = block.take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    inside
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .collect()
}

/// The names and values of `parameter_overrides`: one text, or a list of texts, of `Name=value` with or without quotes.
fn overrides(samconfig: &str) -> Vec<(String, String)> {
    let Some((_, rest)) = samconfig.split_once("parameter_overrides") else { return Vec::new() };
    let rest = rest.trim_start_matches([' ', '=']);
    let value = match rest.strip_prefix('[') {
        Some(list) => list.split(']').next(),
        None => rest.lines().next(),
    };
    let text = value.unwrap_or_default().replace("\\\"", "");
    text.split([' ', ',', '\n', '"', '\''])
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn check_overrides(known: &BTreeSet<&str>, given: &[(String, String)]) -> Vec<Check> {
    let unknown: Vec<Check> = given
        .iter()
        .filter(|(name, _)| !known.contains(name.as_str()))
        .map(|(name, _)| {
            let fix = suggest(name, known.iter().copied())
                .map_or_else(|| "remove it".to_owned(), |meant| format!("did you mean `{meant}`?"));
            let found = format!("the template has no parameter `{}`", escape_hidden(name));
            Check::problem(GROUP, "parameters", found, fix)
        })
        .collect();
    if unknown.is_empty() {
        return vec![Check::ok(GROUP, "parameters", format!("{} set, {} known", given.len(), known.len()))];
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CheckState;

    const TEMPLATE: &str = "Metadata:\n  X: 1\nParameters:\n  Standard:\n    Type: String\n\n  # c\n  AlertEmail:\n    Type: String\nRules:\n  Other:\n";

    #[test]
    fn a_parameter_that_the_template_does_not_have_is_named_with_the_one_that_was_meant() {
        let known = parameters(TEMPLATE);
        assert_eq!(known.iter().copied().collect::<Vec<_>>(), ["AlertEmail", "Standard"]);
        for text in [
            "[default.deploy.parameters]\nparameter_overrides = \"AlertEmial=a@example.com Standard=SOC2\"\nconfirm = true\n",
            "parameter_overrides = [\n  \"AlertEmial=a@example.com\",\n  \"Standard=SOC2\",\n]\n",
        ] {
            let given = overrides(text);
            assert_eq!(given.len(), 2, "{given:?}");
            let checks = check_overrides(&known, &given);
            assert_eq!(checks.len(), 1);
            assert_eq!(checks[0].fix.as_deref(), Some("did you mean `AlertEmail`?"));
        }
        assert_eq!(check_overrides(&known, &[])[0].state, CheckState::Ok);
        assert!(overrides("stack_name = \"onlooker\"\n").is_empty());
        assert!(parameters(include_str!("../../template.yaml")).len() > 50);
    }
}
