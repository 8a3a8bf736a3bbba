//! The tools that build and deploy the functions.
//!
//! Enters: the programs on this machine. Leaves: a check for each tool of the checklist. Law: a tool is asked for its version and
//! for nothing else, so none of them installs anything.

use std::{path::Path, process::Command};

use super::Architecture;
use crate::diagnosis::Check;

const GROUP: &str = "tools";

/// A tool, how it says its version, and how to get it.
struct Tool {
    name: &'static str,
    arguments: &'static [&'static str],
    fix: &'static str,
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "sam",
        arguments: &["--version"],
        fix: "install the AWS SAM CLI: `pip install aws-sam-cli`",
    },
    // As cargo calls it: without the first word it knows no `--version` (cargo-lambda 1.9.2).
    Tool { name: "cargo-lambda", arguments: &["lambda", "--version"], fix: "`pip install cargo-lambda`" },
    Tool { name: "cargo", arguments: &["--version"], fix: "install Rust from https://rustup.rs" },
    Tool {
        name: "rustc",
        arguments: &["--version"],
        fix: "install Rust from https://rustup.rs; rust-toolchain.toml names the version",
    },
];

/// Every check of the tools.
pub fn all(architecture: Architecture) -> Vec<Check> {
    let mut checks: Vec<Check> =
        TOOLS.iter().map(|tool| tool_check(tool, said(tool.name, tool.arguments))).collect();
    // `pip install ziglang` brings a module of Python and no program `zig`; `cargo lambda` finds both.
    let zig = said("zig", &["version"]).or_else(|| said("python3", &["-m", "ziglang", "version"]));
    checks.push(linker(zig, said("cc", &["--version"])));
    let sysroot = said("rustc", &["--print", "sysroot"]);
    let has_target = sysroot.map(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib").join(architecture.target()).join("lib").is_dir()
    });
    checks.push(rust_target(architecture, has_target));
    checks
}

/// The first line that a program prints; `None` if it does not run.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    output.status.success().then_some(text)
}

fn tool_check(tool: &Tool, said: Option<String>) -> Check {
    match said {
        Some(version) => Check::ok(GROUP, tool.name, version),
        None if tool.name == "cargo-lambda" => Check::warning(
            GROUP,
            tool.name,
            "it is not installed, or does not run: `sam build` needs it; `make release-functions` brings its own",
            tool.fix,
        ),
        None => Check::problem(GROUP, tool.name, "it is not installed, or does not run", tool.fix),
    }
}

/// `cargo lambda` links with zig; without it, with the C compiler.
fn linker(zig: Option<String>, cc: Option<String>) -> Check {
    let name = "linker";
    match (zig, cc) {
        (Some(version), _) => Check::ok(GROUP, name, format!("zig {version}")),
        (None, Some(version)) => Check::warning(
            GROUP,
            name,
            format!("no zig, so the functions need the C library of this machine ({version})"),
            "`pip install ziglang`, which `cargo lambda` finds",
        ),
        (None, None) => Check::problem(
            GROUP,
            name,
            "neither zig nor a C compiler is installed",
            "`pip install ziglang`, and a C compiler for build scripts",
        ),
    }
}

/// `cargo lambda build --arm64` adds a missing target to the toolchain without a question.
fn rust_target(architecture: Architecture, has_target: Option<bool>) -> Check {
    let (name, target) = ("rust-target", architecture.target());
    match has_target {
        None => Check::not_checked(GROUP, name, "rustc does not run"),
        Some(true) => Check::ok(GROUP, name, format!("{target} is installed")),
        Some(false) => Check::problem(
            GROUP,
            name,
            format!("{target} is not installed; `cargo lambda build` would add it to the toolchain unasked"),
            format!(
                "`rustup target add {target}`, or deploy with Architecture={}",
                match architecture {
                    Architecture::Arm => "x86_64",
                    Architecture::X86 => "arm64",
                }
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CheckState::{NotChecked, Ok as Fine, Problem, Warning};

    #[test]
    fn a_missing_tool_linker_or_target_is_named_with_its_fix() {
        for tool in &TOOLS {
            assert_eq!(tool_check(tool, Some("1.0".to_owned())).state, Fine);
            let missing = tool_check(tool, None);
            // The Makefile brings cargo-lambda for those who do not have it.
            let state = if tool.name == "cargo-lambda" { Warning } else { Problem };
            assert_eq!((missing.state, missing.fix.as_deref()), (state, Some(tool.fix)));
        }
        let there = || Some("1".to_owned());
        assert_eq!(linker(there(), None).state, Fine);
        assert_eq!(linker(None, there()).state, Warning);
        assert_eq!(linker(None, None).state, Problem);
        assert_eq!(rust_target(Architecture::Arm, None).state, NotChecked);
        assert_eq!(rust_target(Architecture::Arm, Some(true)).state, Fine);
        let missing = rust_target(Architecture::Arm, Some(false));
        assert!(missing.fix.is_some_and(|fix| fix.contains("rustup target add aarch64-unknown-linux-gnu")));
        assert_eq!(said("onlooker-no-such-program", &[]), None);
    }
}
