//! Prints guardrails for people.
//!
//! Enters: [`Guardrails`]. Leaves: text. Laws: untrusted names cannot move the cursor; each document follows its
//! proof; the used actions that a guardrail removes come before its other details.

use std::{
    io::{self, Write},
    path::Path,
};

use onlooker_core::{
    escape::{escape_hidden, escape_remaining},
    guardrails::{Guardrail, PrincipalUsage},
    jobs::guardrails::Guardrails,
    render::format::count_noun,
};

/// Maximum number of names printed in one line; the rest is given as a number.
const MAX_NAMES: usize = 8;

/// Prints guardrails. `dir` is the directory of the written files.
pub fn print(out: &mut dyn Write, made: &Guardrails, dir: Option<&Path>) -> io::Result<()> {
    writeln!(out, "Guardrails for {}", escape_hidden(&made.principal))?;
    match &made.used {
        Some(used) => print_used(out, used)?,
        None => writeln!(out, "  no evidence of used actions was given")?,
    }
    for problem in &made.problems {
        writeln!(out, "  policy {}: {}", escape_hidden(&problem.policy), escape_hidden(&problem.message))?;
    }
    for guardrail in &made.guardrails {
        writeln!(out)?;
        print_one(out, guardrail, dir)?;
    }
    for (kind, why) in &made.not_generated {
        writeln!(out, "\n{kind}: not generated: {}", escape_hidden(why))?;
    }
    writeln!(out, "\nNothing was applied.")
}

fn print_used(out: &mut dyn Write, used: &PrincipalUsage) -> io::Result<()> {
    let period = used.period.map_or_else(String::new, |period| {
        format!(" from {} to {}", period.from.start(), period.until.start())
    });
    let (calls, actions) = (count_noun(used.calls, "call"), count_noun(used.actions.len() as u64, "action"));
    writeln!(out, "  used{period}: {actions} in {calls}; {} denied", used.denied)
}

fn print_one(out: &mut dyn Write, guardrail: &Guardrail, dir: Option<&Path>) -> io::Result<()> {
    let proof = &guardrail.proof;
    let word = if proof.is_complete { "PROVEN" } else { "PROVEN, with open questions" };
    writeln!(out, "{}: {word}", guardrail.kind.as_str())?;
    writeln!(out, "  {}", escape_hidden(&proof.summary))?;
    let counts = [
        format!("granted {} -> {}", proof.granted_before, proof.granted_after),
        format!("not read-only {} -> {}", proof.excessive_before, proof.excessive_after),
        format!("used {} -> {}", proof.used, proof.used_kept),
        format!("catalog {}", proof.catalog_version),
    ];
    writeln!(out, "  {}", escape_hidden(&counts.join(", ")))?;
    let list = |out: &mut dyn Write, what: &str, items: Vec<String>| -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let more = items.len().saturating_sub(MAX_NAMES);
        let mut line = items
            .iter()
            .take(MAX_NAMES)
            .map(|item| escape_hidden(item).into_owned())
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            line.push_str(&format!(" and {more} more"));
        }
        writeln!(out, "  {what}: {line}")
    };
    let names =
        |keys: &mut dyn Iterator<Item = &std::sync::Arc<str>>| keys.map(|key| key.to_string()).collect();
    list(out, "used, not read-only, removed", names(&mut guardrail.removed.iter()))?;
    let granted_by_others = names(&mut guardrail.granted_by_other_policies.iter());
    list(out, "used, not granted by the given policies", granted_by_others)?;
    let kept = guardrail.kept.iter().map(|(key, why)| format!("{key} ({why})")).collect();
    list(out, "not read-only, kept", kept)?;
    let through = guardrail.kept_through_services.iter().map(|(key, services)| {
        format!("{key} ({})", services.iter().map(|service| &**service).collect::<Vec<_>>().join(", "))
    });
    list(out, "kept through AWS services only", through.collect())?;
    let no_room =
        guardrail.omitted_reads.iter().map(|(service, (n, of))| format!("{service} {n} of {of}")).collect();
    list(out, "granted reads left out for lack of room", no_room)?;
    list(out, "wildcards that allow actions AWS adds later", names(&mut guardrail.open_wildcards.iter()))?;
    for line in proof.open_questions.iter().chain(&guardrail.notes) {
        writeln!(out, "  - {}", escape_hidden(line))?;
    }
    for document in &guardrail.documents {
        let size = format!("{} of {} characters", document.characters, document.limit);
        writeln!(out, "  {} ({size}, sha256 {})", document.name, document.sha256)?;
        match dir {
            Some(dir) => {
                let path = dir.join(format!("{}.json", document.name));
                writeln!(out, "    written to {}", escape_hidden(&path.to_string_lossy()))?;
            }
            // JSON escapes only ASCII control characters, so the others are escaped here.
            None => document.text.lines().try_for_each(|line| writeln!(out, "{}", escape_remaining(line)))?,
        }
    }
    Ok(())
}
