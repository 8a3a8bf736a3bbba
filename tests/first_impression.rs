//! The real binary as a new user meets it: what it prints on a terminal, in a pipe and in a file, what it says to a first
//! mistake, and what it says about itself.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{fs, io::Write as _, process::Command};

use fixture::{CommandOutput, TestDirectory, WATCH_AUDITOR};
use onlooker_core::{config::Standard, render::FORMATS};

/// A demo, with its report in a pipe.
fn demo() -> (TestDirectory, String) {
    let directory = TestDirectory::new();
    let text = directory.run(&["demo"]).assert_exit_code(0).stdout;
    (directory, text)
}

const REPORT: [&str; 3] = ["report", "--state", "onlooker-demo/state"];

#[test]
fn a_pipe_gets_the_whole_report_and_a_screen_says_how_to_get_it() {
    let (directory, piped) = demo();
    let whole = directory.run(&REPORT).assert_exit_code(1).stdout;
    let report = directory.run(&[&REPORT[..], &["--json"]].concat()).assert_exit_code(1).report();
    for text in [&piped, &whole] {
        assert!(!text.contains(" shown)"), "{text}");
        assert!(text.lines().count() > 200, "{} lines", text.lines().count());
        let squeezed: String = text.split_whitespace().collect();
        for finding in &report.result.findings {
            let wanted: String = finding.title.split_whitespace().collect();
            assert!(squeezed.contains(&wanted), "{}", finding.title);
        }
        for control in &report.result.controls {
            let wanted: String = format!("{}{}", control.id, control.title).split_whitespace().collect();
            assert!(squeezed.contains(&wanted), "{}", control.id);
        }
    }
    let full = directory.run(&[&REPORT[..], &["--full"]].concat()).assert_exit_code(1).stdout;
    assert_eq!(full, whole);

    let screen = directory.run(&[&REPORT[..], &["--brief"]].concat()).assert_exit_code(1).stdout;
    assert!(screen.lines().count() <= 40 && screen.contains(" shown)"), "{screen}");
    assert!(screen.contains("Read more  all of it with --full, a page with --format html"), "{screen}");
    assert!(screen.contains("onlooker-demo/state/reports/"), "{screen}");
    // A file gets all of it too.
    let file = ["--format", "terminal", "--out", "text", "--quiet"];
    directory.run(&[&REPORT[..], &file].concat()).assert_exit_code(1);
    let text = fs::read_to_string(directory.join("text/report.txt")).expect("a file");
    assert!(!text.contains(" shown)"), "{text}");
}

#[test]
fn the_options_for_text_are_refused_where_they_would_be_ignored() {
    let (directory, _) = demo();
    for args in [&["--full", "--brief"] as &[&str], &["--full", "--json"], &["--brief", "--format", "csv"]] {
        let ran = directory.run(&[&REPORT[..], args].concat()).assert_exit_code(2);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let refused = [&REPORT[..], &["--full", "--format", "markdown"]].concat();
    directory.run(&refused).assert_exit_code(2).assert_stderr(&["`--full` and `--brief`", "help: "]);
    assert!(FORMATS.iter().any(|format| format.name == "markdown"));
}

#[test]
fn the_whole_report_explains_its_signs_and_abbreviations() {
    let (_, piped) = demo();
    let (_, legend) = piped.split_once("\nLegend\n").expect("a legend");
    let legend: String = legend.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "PERMITTED: calls that are read-only",
        "● did: calls succeeded",
        "CREDS: issue credentials",
        "EXPOSE: share a resource",
        "account-region pair: one account in one region",
    ] {
        assert!(legend.contains(part), "{part}: {legend}");
    }
    // Each heading of the matrix is explained.
    let headings =
        piped.lines().find(|line| line.contains("● did") && line.contains("DATA")).expect("headings");
    let words = headings.split_whitespace().filter(|word| word.len() > 2 && word.to_uppercase() == *word);
    for word in words.filter(|word| word.chars().all(|c| c.is_ascii_alphabetic())) {
        assert!(legend.contains(&format!("{word}: ")), "{word}: {legend}");
    }
}

#[test]
fn a_first_mistake_gets_one_sentence_and_a_remedy() {
    let directory = TestDirectory::new();
    fs::create_dir(directory.join("empty")).expect("a folder");
    directory.write("file", "text");
    let cases: [(&[&str], i32, &str); 9] = [
        (&["report"], 2, "there is no state in `.onlooker`"),
        (&["sweep", "./nope"], 2, "cannot find `./nope`: no such file or folder"),
        (&["sweep", "nope/*.json"], 2, "cannot find `nope/*.json`: no such file or folder"),
        (&["sweep", "empty"], 3, "`empty` has no log files"),
        (&["gate"], 2, "there is no sweep in `.onlooker`"),
        (&["permissions", "nope.json"], 2, "cannot read `nope.json`"),
        (&["verify", "trail", "nope"], 2, "cannot find `nope`: no such file or folder"),
        (&["demo", "--out", "file"], 4, "cannot read the directory `file`"),
        (&["standards", "validate", "nope.toml"], 2, "cannot read `nope.toml`"),
    ];
    for (args, code, sentence) in cases {
        let ran = directory.run(args).assert_exit_code(code);
        assert_eq!(ran.stdout, "", "{args:?}");
        let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        let remedies = ran.stderr.lines().filter(|line| line.starts_with("  help: ")).count();
        assert_eq!((errors, remedies), (1, 1), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(sentence), "{args:?}: {}", ran.stderr);
    }
    // A path that does not exist leaves no state behind.
    let directory = TestDirectory::new();
    directory.run(&["sweep", "./nope"]).assert_exit_code(2);
    assert!(!directory.join(".onlooker").exists());
    // A state without a sweep is said to have none.
    let directory = TestDirectory::new();
    fs::create_dir(directory.join("empty")).expect("a folder");
    directory.run(&["sweep", "empty"]).assert_exit_code(3);
    directory
        .run(&["report"])
        .assert_exit_code(2)
        .assert_stderr(&["there is no sweep in `.onlooker`", "help: "]);
    // A program still gets its report.
    let json = directory.run(&["sweep", "empty", "--no-state", "--json"]).assert_exit_code(3).report();
    assert_eq!(json.result.totals.events, 0);
}

#[cfg(feature = "aws")]
#[test]
fn without_credentials_one_sentence_says_how_to_get_them() {
    let directory = TestDirectory::new();
    for args in [
        &["sweep", "s3://bucket/prefix/"] as &[&str],
        &["report", "--remote", "--table", "t", "--bucket", "b"],
    ] {
        let mut command = directory.command(args);
        for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        let home = directory.join("home");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-west-1").env("HOME", home);
        let ran = CommandOutput::from(command.output().expect("the binary runs")).assert_exit_code(4);
        ran.assert_stderr(&["no AWS credentials were found", "  help: set AWS_PROFILE"]);
    }
}

#[test]
fn the_version_names_commit_catalog_and_features() {
    let directory = TestDirectory::new();
    let first = format!("onlooker {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(directory.run(&["-V"]).assert_exit_code(0).stdout, format!("{first}\n"));
    let text = directory.run(&["--version"]).assert_exit_code(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, first.as_str()), "{text}");
    let commit = lines[1].strip_prefix("commit    ").expect("a commit");
    let is_id = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_id || commit.starts_with("not recorded"), "{commit}");
    let catalog = directory.run(&["catalog", "show", "--json"]).assert_exit_code(0).stdout;
    let catalog: serde_json::Value = serde_json::from_str(&catalog).expect("JSON");
    let version = catalog["version"].as_str().expect("a version");
    assert!(lines[2].starts_with(&format!("catalog   {version} (sha256 ")), "{text}");
    let expected = match (cfg!(feature = "aws"), cfg!(feature = "clouds")) {
        (_, true) => "features  aws, clouds",
        (true, false) => "features  aws",
        (false, false) => "features  none",
    };
    assert_eq!(lines[3], expected);
}

#[test]
fn the_manual_has_a_page_for_each_command_and_shells_complete_files_and_names() {
    let directory = TestDirectory::new();
    directory.run(&["manual", "--out", "made"]).assert_exit_code(0);
    let help = directory.run(&["--help"]).assert_exit_code(0).stdout;
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let commands: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for name in &commands {
        let page = fs::read_to_string(directory.join(format!("made/man/onlooker-{name}.1"))).expect(name);
        assert!(page.contains(".TH ") && page.contains(name), "{name}");
    }
    assert!(directory.join("made/man/onlooker-standards-validate.1").is_file());
    let script =
        |name: &str| fs::read_to_string(directory.join(format!("made/completions/{name}"))).expect(name);
    let (bash, zsh, fish) = (script("onlooker.bash"), script("_onlooker"), script("onlooker.fish"));
    for text in [&bash, &zsh, &fish] {
        for name in ["SOC2", "ISO27001", "CIS_AWS", "NIST_800_53"] {
            assert!(text.contains(name), "{name}");
        }
    }
    // `--pack FILE` completes files.
    let pack = bash.split("--pack)").nth(1).expect("the option");
    assert!(pack.split(";;").next().expect("its case").contains("compgen -f"), "bash");
    assert!(zsh.lines().any(|line| line.contains("--pack=") && line.contains("_files")), "zsh");
    for shell in ["bash", "zsh", "fish"] {
        let printed = directory.run(&["completions", shell]).assert_exit_code(0).stdout;
        assert!([&bash, &zsh, &fish].iter().any(|text| **text == printed), "{shell}");
    }
}

/// What bash offers for the last word of a line, by the script that `manual` wrote. An empty offer leaves the word to the
/// completion of files, for which the script registers the command.
fn offered(directory: &TestDirectory, words: &[&str]) -> Vec<String> {
    const OFFER: &str = "source made/completions/onlooker.bash
        [[ $(complete -p onlooker) == *'-o default'* ]] || exit 9
        COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))
        _onlooker onlooker \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", OFFER, "bash", "onlooker"]).args(words).current_dir(directory.join(""));
    let ran = command.output().expect("bash, which `make` needs too");
    assert!(ran.status.success(), "{words:?}: {ran:?}");
    let text = String::from_utf8(ran.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_formats_standards_and_files() {
    let directory = TestDirectory::new();
    directory.run(&["manual", "--out", "made"]).assert_exit_code(0);
    directory.write("report.json", "");
    directory.write("pack.toml", "");
    let formats = offered(&directory, &["report", "--format", ""]);
    for format in FORMATS {
        assert!(formats.iter().any(|offer| offer == format.name), "{}: {formats:?}", format.name);
    }
    let standards = offered(&directory, &["standards", "show", ""]);
    for name in Standard::ALL.map(Standard::as_str) {
        assert!(standards.iter().any(|offer| offer == name), "{name}: {standards:?}");
    }
    for (words, offer) in [
        (&["standards", "show", "ISO"][..], &["ISO27001"][..]),
        (&["sweep", "--standard", "CIS"], &["CIS_AWS"]),
        (&["report", "--format", "mark"], &["markdown"]),
        (&["permissions", "graph", "--format", "ht"], &["html"]),
        (&["sweep", "--pack", "pa"], &["pack.toml"]),
        (&["report", "--diff", "rep"], &["report.json"]),
        (&["--config", "pack"], &["pack.toml"]),
        // A file that is not the value of an option is left to the completion of files.
        (&["gate", "rep"], &[]),
        (&["standards", "validate", "pa"], &[]),
    ] {
        assert_eq!(offered(&directory, words), offer, "{words:?}");
    }
}

/// Says what is skipped. The test harness hides what a test prints, and not what it writes to standard error itself.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}");
}

/// Runs the binary on a terminal of this width, by `script` of util-linux; `None` where there is none.
fn on_terminal(directory: &TestDirectory, columns: u32, args: &str) -> Option<String> {
    let binary = env!("CARGO_BIN_EXE_onlooker");
    let line = format!("stty cols {columns} rows 50; exec '{binary}' {args}");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(directory.join("")).env("TERM", "xterm");
    let ran = command.env("NO_COLOR", "1").output().ok()?;
    let text = String::from_utf8_lossy(&ran.stdout).replace("\r\n", "\n");
    Some(text)
}

#[test]
fn a_terminal_of_eighty_columns_gets_one_screen_and_tables_without_empty_lines() {
    if Command::new("script").arg("--version").output().is_err() {
        skipped("there is no `script` to make a terminal");
        return;
    }
    let (directory, _) = demo();
    let report = REPORT.join(" ");
    let screen = on_terminal(&directory, 80, &report).expect("a terminal");
    assert!(screen.lines().count() <= 40 && screen.contains("NON_COMPLIANT"), "{screen}");
    let whole = on_terminal(&directory, 80, &format!("{report} --full")).expect("a terminal");
    assert!(whole.lines().count() > 200 && !whole.contains(" shown)"), "{whole}");
    for text in [&screen, &whole] {
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!(wide, None);
        assert!(!text.contains("\n\n\n"), "{text}");
    }
    let list = format!("{report} --list");
    let runs = on_terminal(&directory, 80, &list).expect("a terminal");
    assert!(runs.lines().count() == 2 && runs.lines().all(|line| line.chars().count() <= 80), "{runs}");
    for args in ["ops 's3:*Acl'", "ops kms", "standards list", "override list", &list] {
        let text = on_terminal(&directory, 80, args).expect("a terminal");
        let table = text.trim_end();
        assert!(!table.is_empty() || args == "override list", "{args}");
        let empty = table.lines().position(|line| line.trim().is_empty());
        assert_eq!(empty, None, "{args}: {text}");
    }
}

#[test]
fn progress_on_a_terminal_begins_empty() {
    if Command::new("script").arg("--version").output().is_err() {
        skipped("there is no `script` to make a terminal");
        return;
    }
    let directory = TestDirectory::with_compliant_trail();
    let text = on_terminal(&directory, 100, &format!("sweep logs --no-state '{WATCH_AUDITOR}'"))
        .expect("a terminal");
    let bars = text.split('[').filter_map(|rest| rest.split_once(']')).map(|(bar, _)| bar);
    let mut bars = bars.filter(|bar| bar.len() == 30 && bar.chars().all(|c| matches!(c, '=' | '>' | ' ')));
    // A run may end before its bar is drawn; `cli/progress.rs` has the test of a bar that is drawn.
    if let Some(first) = bars.next() {
        assert!(!first.contains('='), "the bar begins with `{first}`");
    }
}
