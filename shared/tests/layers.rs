//! Which module may import which, and which crate may depend on which: the tables and their check.
//!
//! Enters: the sources of the evidence crate and of this crate, and the manifests of the workspace. Leaves: a failure that names file, line and
//! remedy. Laws: a module imports only modules that stand before it in [`LAYERS`]; code for tests may import anything;
//! a crate depends only on the crates that [`CRATES`] lists for it, dev-dependencies aside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules of the evidence crate and of the core crate by layer, the lowest first. A module may import those before
/// it, also those before it in its own layer.
const LAYERS: [(&str, &[&str]); 8] = [
    (
        "evidence",
        &[
            "time",
            "period",
            "hex",
            "envelope",
            "principal",
            "record",
            "event",
            "origin",
            "segment",
            "tally",
            "extract",
            "evidence_summary",
        ],
    ),
    (
        "words",
        &[
            "escape",
            "suggest",
            "number_text",
            "pattern",
            "operation",
            "severity",
            "aws_error",
            "event_selectors",
            "catalog",
            "classification",
        ],
    ),
    ("promises and policies", &["config", "grants", "permissions"]),
    ("assessment", &["log_integrity", "coverage", "role_chain", "score", "assessment", "access_matrix"]),
    (
        "results",
        &[
            "finding",
            "controls",
            "report",
            "gate",
            "alert",
            "current_status",
            "dashboard",
            "health",
            "guardrails",
            "attestation",
            "audit",
            "certificate",
            "backup",
            "breaker",
            "error_context",
        ],
    ),
    ("edges", &["ports", "render"]),
    ("jobs", &["jobs"]),
    ("requests", &["api"]),
];

/// The folders with the modules of [`LAYERS`].
const SOURCES: [&str; 2] = ["evidence/src", "shared/src"];

/// The crates of the workspace by folder, and the crates of the workspace that each may depend on.
const CRATES: [(&str, &[&str]); 12] = [
    ("evidence", &[]),
    ("shared", &["onlooker-evidence"]),
    ("demo", &["onlooker-core"]),
    ("guard", &["onlooker-core"]),
    ("adapters/aws", &["onlooker-core", "onlooker-guard"]),
    ("adapters/local", &["onlooker-core"]),
    ("adapters/cloud", &["onlooker-core"]),
    ("adapters/webhook", &["onlooker-core"]),
    ("adapters/lambda", &["onlooker-core", "onlooker-aws", "onlooker-guard", "onlooker-webhook"]),
    ("functions/*", &["onlooker-core", "onlooker-aws", "onlooker-lambda"]),
    (
        ".",
        &[
            "onlooker-core",
            "onlooker-aws",
            "onlooker-cloud",
            "onlooker-local",
            "onlooker-webhook",
            "onlooker-demo",
        ],
    ),
    ("tests/support", &["onlooker-core", "onlooker-local"]),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A path in the code that begins at the root of the crate.
struct CratePath {
    line: usize,
    /// The module below the root that it leads to.
    module: String,
}

/// Reads the tokens of one file.
#[derive(Default)]
struct ModuleScan {
    /// The module of the tokens that are read, from the root of the crate.
    module: Vec<String>,
    crate_paths: Vec<CratePath>,
    /// Modules that are files of their own.
    children: Vec<Vec<String>>,
}

impl ModuleScan {
    fn of(module: &[String], source: &str) -> Self {
        let mut scan = Self { module: module.to_vec(), ..Self::default() };
        scan.read(source.parse().unwrap_or_else(|error| panic!("{}: {error}", module.join("::"))));
        scan
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = &*tokens;
        while let [first, after @ ..] = rest {
            rest = match (first, after) {
                (TokenTree::Punct(mark), [TokenTree::Group(attribute), item @ ..])
                    if mark.as_char() == '#' && is_test_only(&attribute.stream()) =>
                {
                    skip_item(item)
                }
                (TokenTree::Ident(word), [TokenTree::Ident(name), body, after @ ..]) if word == "mod" => {
                    self.module.push(name.to_string());
                    match body {
                        TokenTree::Group(body) => self.read(body.stream()),
                        _ => self.children.push(self.module.clone()),
                    }
                    self.module.pop();
                    after
                }
                (TokenTree::Ident(_), _) => self.read_path(rest),
                (TokenTree::Group(group), _) => {
                    self.read(group.stream());
                    after
                }
                _ => after,
            };
        }
    }

    /// Reads a word; with `crate::`, `self::` and `super::` before it, the path that they begin.
    fn read_path<'t>(&mut self, tokens: &'t [TokenTree]) -> &'t [TokenTree] {
        let (mut base, mut rest) = (self.module.clone(), tokens);
        while let [TokenTree::Ident(word), TokenTree::Punct(a), TokenTree::Punct(b), after @ ..] = rest
            && (a.as_char(), b.as_char()) == (':', ':')
        {
            match word.to_string().as_str() {
                "crate" => base.clear(),
                "super" => drop(base.pop()),
                "self" => {}
                _ => break,
            }
            rest = after;
        }
        if rest.len() == tokens.len() {
            return tokens.get(1..).unwrap_or_default();
        }
        if base.is_empty() {
            match rest.first() {
                Some(TokenTree::Group(tree)) => {
                    let tree: Vec<TokenTree> = tree.stream().into_iter().collect();
                    let is_comma =
                        |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
                    tree.split(is_comma).filter_map(<[_]>::first).for_each(|name| self.add(name));
                }
                Some(name) => self.add(name),
                None => {}
            }
        }
        rest.get(1..).unwrap_or_default()
    }

    fn add(&mut self, name: &TokenTree) {
        self.crate_paths.push(CratePath { line: name.span().start().line, module: name.to_string() });
    }
}

fn is_test_only(attribute: &TokenStream) -> bool {
    attribute.to_string().replace(' ', "") == "cfg(test)"
}

/// What follows an item: its end is its body, a semicolon or, for a part of another item, a comma.
fn skip_item(item: &[TokenTree]) -> &[TokenTree] {
    let is_import = item.iter().take(3).any(|token| matches!(token, TokenTree::Ident(word) if word == "use"));
    let end = item.iter().position(|token| match token {
        TokenTree::Punct(mark) => matches!(mark.as_char(), ';' | ','),
        TokenTree::Group(body) => body.delimiter() == Delimiter::Brace && !is_import,
        _ => false,
    });
    end.and_then(|end| item.get(end + 1..)).unwrap_or_default()
}

/// The file of a module, from the folder of its sources.
fn file_of(sources: &str, module: &[String]) -> String {
    let path = module.join("/");
    let names = [format!("{path}.rs"), format!("{path}/mod.rs")];
    let sources = workspace().join(sources);
    let found = names.iter().find(|name| sources.join(name).is_file());
    found.unwrap_or_else(|| panic!("{} has no file", module.join("::"))).clone()
}

/// Imports in `source` that cross the layers, with file, line and remedy.
fn crossings(file: &str, scan: &ModuleScan) -> Vec<String> {
    let order: Vec<&str> = LAYERS.iter().flat_map(|(_, modules)| *modules).copied().collect();
    let position = |module: &str| order.iter().position(|known| *known == module);
    let Some(own) = scan.module.first() else { return Vec::new() };
    let Some(own_position) = position(own) else {
        return vec![format!(
            "{file}: `{own}` is not in LAYERS of shared/tests/layers.rs. Add it after every module that it imports"
        )];
    };
    let crossing = |path: &CratePath| {
        let problem = match position(&path.module) {
            Some(imported) if imported <= own_position => return None,
            Some(_) => format!("imports `{}`, which stands above it in LAYERS", path.module),
            None => format!("imports `{}`, which is not a module in LAYERS", path.module),
        };
        Some(format!(
            "{file}:{}: `{own}` {problem} of shared/tests/layers.rs. Move what both need into a module below `{own}`, or pass it as an argument",
            path.line
        ))
    };
    scan.crate_paths.iter().filter_map(crossing).collect()
}

#[test]
fn every_module_imports_only_modules_below_it() {
    let mut modules = BTreeSet::new();
    let mut problems = Vec::new();
    for sources in SOURCES {
        let folder = workspace().join(sources);
        let mut open = ModuleScan::of(&[], &fs::read_to_string(folder.join("lib.rs")).unwrap()).children;
        modules.extend(open.iter().flatten().cloned());
        while let Some(module) = open.pop() {
            let file = file_of(sources, &module);
            let scan = ModuleScan::of(&module, &fs::read_to_string(folder.join(&file)).unwrap());
            problems.extend(crossings(&format!("{sources}/{file}"), &scan));
            open.extend(scan.children);
        }
    }
    let mut known = BTreeSet::new();
    for module in LAYERS.iter().flat_map(|(_, modules)| *modules) {
        if !modules.contains(*module) || !known.insert(module) {
            problems.push(format!("`{module}` stands in LAYERS twice, or has no file. Remove it"));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn planted(module: &str, source: &str) -> Vec<String> {
    let module: Vec<String> = module.split("::").map(str::to_owned).collect();
    crossings("x.rs", &ModuleScan::of(&module, source))
}

#[test]
fn an_import_from_a_higher_layer_is_found_in_every_form() {
    for (module, source) in [
        ("grants", "\nuse crate::report::Report;"),
        ("grants::snapshot", "\nuse crate::{pattern::{covers, matches}, report::Report, time::Time};"),
        ("grants", "\nuse super::report;"),
        ("grants::snapshot", "\npub use super::super::{time, report as r};"),
        ("grants", "fn f() -> String {\n    format!(\"{}\", crate::report::name())\n}"),
        ("grants", "mod inner {\n    use super::super::report;\n}"),
        ("grants", "#[cfg(test)] mod tests;\nuse crate::report::Report;"),
        ("grants", "#[cfg(test)] use crate::{jobs};\npub(crate) fn f(x: crate::report::Report) {}"),
    ] {
        let found = planted(module, source);
        assert!(
            matches!(&*found, [one] if one.starts_with("x.rs:2: `grants` imports `report`, which stands above it")),
            "{source}: {found:?}"
        );
    }
    let unknown = planted("grants", "use crate::nowhere::Thing;");
    assert!(unknown.concat().contains("`nowhere`, which is not a module"), "{unknown:?}");
    let new = planted("newcomer::part", "");
    assert!(new.concat().contains("`newcomer` is not in LAYERS"), "{new:?}");
}

#[test]
fn imports_from_below_and_imports_of_tests_are_allowed() {
    let source = "
        //! [`Report`](crate::report::Report)
        use crate::{grants::Grant, time::Time};
        use super::Statement;
        use report::Thing;
        pub(crate) const NAME: &str = \"crate::report\";
        #[cfg(test)]
        #[path = \"other.rs\"]
        mod tests;
        #[cfg(test)]
        mod laws { use crate::{jobs, render}; }
        #[cfg(test)]
        use crate::{report::Report, jobs};
    ";
    assert_eq!(planted("grants::snapshot", source), Vec::<String>::new());
}

#[test]
fn the_documentation_lists_the_same_layers() {
    let text = fs::read_to_string(workspace().join("docs/architecture.md")).unwrap();
    for (layer, modules) in LAYERS {
        let row = format!("{layer} | `{}`", modules.join("`, `"));
        assert!(text.contains(&row), "docs/architecture.md does not have the row: {row}");
    }
}

/// Names of the crates that a manifest depends on, without those that only its tests need.
fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flatten().filter_map(|(_, target)| target.as_table());
    let mut names = BTreeSet::new();
    for table in targets.chain([manifest]) {
        for kind in ["dependencies", "build-dependencies"] {
            for (name, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                let package = value.get("package").and_then(toml::Value::as_str);
                names.insert(package.unwrap_or(name).to_owned());
            }
        }
    }
    names
}

/// Dependencies between crates of the workspace that the table does not allow. `manifests` are by folder.
fn forbidden_dependencies(manifests: &BTreeMap<String, toml::Table>) -> Vec<String> {
    let name_of = |manifest: &toml::Table| {
        manifest.get("package").and_then(|package| package.get("name")?.as_str().map(str::to_owned))
    };
    let crates: BTreeSet<String> = manifests.values().filter_map(name_of).collect();
    let mut problems = Vec::new();
    for (folder, manifest) in manifests {
        let is_about = |pattern: &str| match pattern.strip_suffix("/*") {
            Some(parent) => folder.strip_prefix(parent).is_some_and(|rest| rest.starts_with('/')),
            None => folder == pattern,
        };
        let Some((_, allowed)) = CRATES.iter().find(|(pattern, _)| is_about(pattern)) else {
            problems.push(format!(
                "{folder}/Cargo.toml: not in CRATES of shared/tests/layers.rs. Add it, with the crates it may depend on"
            ));
            continue;
        };
        for name in
            dependencies(manifest).intersection(&crates).filter(|name| !allowed.contains(&name.as_str()))
        {
            problems.push(format!(
                "{folder}/Cargo.toml: may not depend on `{name}`, by CRATES of shared/tests/layers.rs. Move what both need to `onlooker-core`, or let a root pass it through a trait of `onlooker_core::ports`"
            ));
        }
    }
    problems
}

/// The manifests of the workspace, by folder.
fn manifests() -> BTreeMap<String, toml::Table> {
    let read = |folder: &str| -> toml::Table {
        fs::read_to_string(workspace().join(folder).join("Cargo.toml")).unwrap().parse().unwrap()
    };
    let root = read(".");
    let members = root.get("workspace").and_then(|workspace| workspace.get("members")?.as_array()).unwrap();
    let mut folders = Vec::new();
    for member in members.iter().filter_map(toml::Value::as_str) {
        match member.strip_suffix("/*") {
            Some(parent) => {
                for entry in fs::read_dir(workspace().join(parent)).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    folders.push(format!("{parent}/{name}"));
                }
            }
            None => folders.push(member.to_owned()),
        }
    }
    folders.retain(|folder| workspace().join(folder).join("Cargo.toml").is_file());
    folders.into_iter().map(|folder| (folder.clone(), read(&folder))).collect()
}

#[test]
fn every_crate_depends_only_on_crates_below_it() {
    let problems = forbidden_dependencies(&manifests());
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn a_forbidden_dependency_is_found() {
    let mut manifests = manifests();
    for (folder, text) in [
        ("adapters/aws", "[target.'cfg(unix)'.dependencies]\nonlooker-local.workspace = true"),
        ("demo", "[build-dependencies]\ncore = { package = \"onlooker-local\", path = \"x\" }"),
        ("shared", "[dependencies]\nonlooker-demo.workspace = true"),
        (
            "functions/pull",
            "[dependencies]\nonlooker.workspace = true\n[dev-dependencies]\nonlooker-local = \"1\"",
        ),
        ("tests/other", "[package]\nname = \"other\""),
    ] {
        let manifest = manifests.entry(folder.to_owned()).or_default();
        manifest.extend(text.parse::<toml::Table>().unwrap());
    }
    let problems = forbidden_dependencies(&manifests);
    assert_eq!(problems.len(), 5, "{problems:?}");
    for name in [
        "aws/Cargo.toml: may not depend on `onlooker-local`",
        "demo/Cargo.toml: may not depend on `onlooker-local`",
        "shared/Cargo.toml: may not depend on `onlooker-demo`",
        "pull/Cargo.toml: may not depend on `onlooker`",
        "other/Cargo.toml: not in CRATES",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name}: {problems:?}");
    }
}
