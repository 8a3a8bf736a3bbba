//! The documents: each link leads somewhere, and each command line exists.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use fixture::TestDirectory;

/// A document of the project.
struct Document {
    /// Path from the root of the project, with slashes.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file outside folders that builds make.
fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_str().unwrap_or_default();
            if path.is_dir() {
                let is_source =
                    !name.starts_with('.') && !matches!(name, "target" | "onlooker-demo" | "node_modules");
                folders.extend(is_source.then_some(path));
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("text");
                let path =
                    path.strip_prefix(root()).expect("in the project").to_str().expect("text").to_owned();
                found.push(Document { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 25, "{}", found.len());
    found
}

impl Document {
    /// Its lines that are not in a block of code, with their numbers.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut is_code = false;
        self.text.lines().enumerate().filter_map(move |(at, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            (!is_code && !is_fence).then_some((at + 1, line))
        })
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let headings = self.prose().filter_map(|(_, line)| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len()).then(|| text.strip_prefix(' ')).flatten()
        });
        let of_heading = |heading: &str| {
            let words = heading.trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
        };
        headings
            .map(|heading| {
                let anchor = of_heading(heading);
                let count = seen.entry(anchor.clone()).or_default();
                *count += 1;
                if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
            })
            .collect()
    }

    /// The targets of its links, with the lines they are in.
    fn links(&self) -> Vec<(usize, &str)> {
        let mut found = Vec::new();
        for (number, line) in self.prose() {
            let mut rest = line;
            while let Some((_, after)) = rest.split_once("](") {
                let Some((target, after)) = after.split_once(')') else { break };
                found.push((number, target));
                rest = after;
            }
        }
        found
    }

    /// The lines of its blocks of shell code, with a line that ends with a backslash and its next as one.
    fn shell_lines(&self) -> Vec<String> {
        let (mut found, mut block): (Vec<String>, Option<bool>) = (Vec::new(), None);
        let mut is_continued = false;
        for line in self.text.lines() {
            let line = line.trim();
            if let Some(language) = line.strip_prefix("```") {
                block = block.is_none().then_some(matches!(language, "sh" | "bash" | "console"));
                is_continued = false;
            } else if block == Some(true) {
                let (line, continues) = line.strip_suffix('\\').map_or((line, false), |begin| (begin, true));
                match found.last_mut().filter(|_| is_continued) {
                    Some(last) => last.push_str(&format!(" {line}")),
                    None => found.push(line.to_owned()),
                }
                is_continued = continues;
            }
        }
        found
    }
}

/// The help of a command; empty if there is no such command.
fn help(directory: &TestDirectory, command: &[&str]) -> String {
    let output = directory.command(&[command, &["--help"]].concat()).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("text");
    if output.status.success() { text } else { String::new() }
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let documents = documents();
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> =
        documents.iter().map(|document| (PathBuf::from(&document.path), document.anchors())).collect();
    let mut broken = Vec::new();
    let mut count = 0;
    for document in &documents {
        for (number, link) in document.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let own = Path::new(&document.path);
            let path = match file {
                "" => own.to_path_buf(),
                file => normal(&own.parent().expect("a folder").join(file)),
            };
            let has_anchor = |anchor: &str| anchors.get(&path).is_none_or(|anchors| anchors.contains(anchor));
            if !root().join(&path).exists() || !anchor.is_none_or(has_anchor) {
                broken.push(format!("{}:{number}: {link}", document.path));
            }
        }
    }
    assert!(count > 200, "{count}");
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// The words of a call of Onlooker behind its name and the options of every command.
fn words_of_call(code: &str) -> Option<Vec<&str>> {
    let calls = code.split(['|', ';', '&', '(']).map(|call| call.split('>').next().unwrap_or_default());
    for call in calls {
        let words = call.split_whitespace().skip_while(|word| word.contains('='));
        let mut words = words.skip_while(|word| matches!(*word, "sudo" | "time" | "exec"));
        if words.next() != Some("onlooker") {
            continue;
        }
        let mut words: Vec<&str> = words.collect();
        if words.first() == Some(&"--config") {
            words.drain(..2.min(words.len()));
        }
        return (words.first() != Some(&"--version")).then_some(words);
    }
    None
}

#[test]
fn each_command_line_names_commands_and_options_that_exist() {
    let directory = TestDirectory::new();
    let mut helps: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents().iter().filter(|document| document.path != "CHANGELOG.md") {
        for line in document.shell_lines() {
            let code = line.split(" #").next().unwrap_or_default();
            let Some(words) = words_of_call(code) else { continue };
            count += 1;
            // The longest run of words that is a command.
            let is_name = |word: &str| {
                !word.starts_with('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            };
            let mut command: Vec<&str> = Vec::new();
            for word in words.iter().take_while(|word| is_name(word)).take(2) {
                let longer = [&command[..], &[*word]].concat();
                let names = longer.iter().map(|name| (*name).to_owned()).collect();
                let help = helps.entry(names).or_insert_with(|| help(&directory, &longer));
                if help.is_empty() {
                    break;
                }
                command = longer;
            }
            let names: Vec<String> = command.iter().map(|name| (*name).to_owned()).collect();
            let Some(help) = helps.get(&names).filter(|_| !command.is_empty()) else {
                wrong.push(format!("{}: no such command: {code}", document.path));
                continue;
            };
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or_default().trim_end_matches(['`', ')', ',']);
                let is_known =
                    help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == option);
                if !is_known && option != "--version" {
                    wrong.push(format!("{}: no option `{option}`: {code}", document.path));
                }
            }
        }
    }
    assert!(count > 60, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_index_names_each_document_and_schema() {
    let documents = documents();
    let index = documents.iter().find(|document| document.path == "docs/README.md").expect("the index");
    let named: BTreeSet<&str> = index.links().into_iter().map(|(_, link)| link).collect();
    let files = fs::read_dir(root().join("docs")).expect("a folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let is_document = |name: &String| name.ends_with(".md") || name.ends_with(".json");
    let missing: Vec<String> =
        names.filter(|name| is_document(name) && name != "README.md" && !named.contains(&**name)).collect();
    assert!(missing.is_empty(), "not in docs/README.md: {missing:?}");
}
