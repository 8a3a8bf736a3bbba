//! Guardrails for people.
//!
//! Enters: [`Guardrails`]. Leaves: text. Laws: names from elsewhere cannot move the cursor; each document stands after its
//! proof; what is taken away although it was used is said before anything else of it.

use std::{
    io::{self, Write},
    path::Path,
};

use onlooker_core::{
    escape::escape_control,
    guardrails::{Guardrail, PrincipalUsage},
    jobs::guardrails::Guardrails,
};

/// Names in one line; the others are counted.
const MAX_NAMES: usize = 8;

/// Prints them. `dir` is where files were written.
pub fn print(out: &mut dyn Write, made: &Guardrails, dir: Option<&Path>) -> io::Result<()> {
    writeln!(out, "Guardrails for {}", escape_control(&made.principal))?;
    match &made.used {
        Some(used) => print_used(out, used)?,
        None => writeln!(out, "  no evidence was given of what it used")?,
    }
    for problem in &made.problems {
        writeln!(out, "  policy {}: {}", escape_control(&problem.policy), escape_control(&problem.message))?;
    }
    for guardrail in &made.guardrails {
        writeln!(out)?;
        print_one(out, guardrail, dir)?;
    }
    for (kind, why) in &made.not_generated {
        writeln!(out, "\n{kind}: not made, since {}", escape_control(why))?;
    }
    writeln!(out, "\nNothing was applied.")
}

fn print_used(out: &mut dyn Write, used: &PrincipalUsage) -> io::Result<()> {
    let period = used.period.map_or_else(String::new, |period| {
        format!(" from {} to {}", period.from.start(), period.until.start())
    });
    let (calls, actions) = (used.calls, used.actions.len());
    writeln!(out, "  used{period}: {actions} actions in {calls} calls; {} calls were refused", used.denied)
}

fn print_one(out: &mut dyn Write, guardrail: &Guardrail, dir: Option<&Path>) -> io::Result<()> {
    let proof = &guardrail.proof;
    let word = if proof.is_complete { "PROVEN" } else { "PROVEN, with questions left open" };
    writeln!(out, "{}: {word}", guardrail.kind.as_str())?;
    writeln!(out, "  {}", escape_control(&proof.summary))?;
    let counts = [
        format!("granted {} -> {}", proof.granted_before, proof.granted_after),
        format!("no reads {} -> {}", proof.excessive_before, proof.excessive_after),
        format!("used {} -> {}", proof.used, proof.used_kept),
        format!("catalog {}", proof.catalog_version),
    ];
    writeln!(out, "  {}", escape_control(&counts.join(", ")))?;
    let list = |out: &mut dyn Write, what: &str, items: Vec<String>| -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let more = items.len().saturating_sub(MAX_NAMES);
        let mut line = items
            .iter()
            .take(MAX_NAMES)
            .map(|item| escape_control(item).into_owned())
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            line.push_str(&format!(" and {more} more"));
        }
        writeln!(out, "  {what}: {line}")
    };
    let names =
        |keys: &mut dyn Iterator<Item = &std::sync::Arc<str>>| keys.map(|key| key.to_string()).collect();
    list(out, "used, no reads, and taken away", names(&mut guardrail.removed.iter()))?;
    list(out, "used by leave of no policy given", names(&mut guardrail.granted_by_other_policies.iter()))?;
    let kept = guardrail.kept.iter().map(|(key, why)| format!("{key} ({why})")).collect();
    list(out, "no reads, and kept", kept)?;
    let no_room =
        guardrail.omitted_reads.iter().map(|(service, (n, of))| format!("{service} {n} of {of}")).collect();
    list(out, "granted reads without room", no_room)?;
    list(out, "wildcards that allow what AWS adds later", names(&mut guardrail.open_wildcards.iter()))?;
    for line in proof.open_questions.iter().chain(&guardrail.notes) {
        writeln!(out, "  - {}", escape_control(line))?;
    }
    for document in &guardrail.documents {
        let size = format!("{} of {} characters", document.characters, document.limit);
        writeln!(out, "  {} ({size}, sha256 {})", document.name, document.sha256)?;
        match dir {
            Some(dir) => {
                let path = dir.join(format!("{}.json", document.name));
                writeln!(out, "    written to {}", escape_control(&path.to_string_lossy()))?;
            }
            // JSON escapes control characters; the others are written out here.
            None => document.text.lines().try_for_each(|line| writeln!(out, "{}", escape_control(line)))?,
        }
    }
    Ok(())
}
