//! Prints guardrails for people.
//!
//! Enters: [`Guardrails`]. Leaves: text. Laws: untrusted names cannot move the cursor; each document follows its
//! proof; the used actions that a guardrail removes come before its other details.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use onlooker_core::{
    escape::{escape_hidden, escape_remaining},
    guardrails::{Guardrail, OpenQuestionKind, PrincipalUsage},
    jobs::guardrails::Guardrails,
    render::format::count_noun,
};

use super::changes;

/// Maximum number of names printed in one line; the rest is given as a number.
const MAX_NAMES: usize = 8;

/// Where the documents go.
pub enum Documents {
    /// They are printed with their proof.
    Printed,
    /// They were written to these files.
    Written(Vec<PathBuf>),
    /// They are not shown.
    Hidden,
}

/// Prints guardrails.
pub fn print(out: &mut dyn Write, made: &Guardrails, documents: &Documents) -> io::Result<()> {
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
        print_one(out, guardrail, made, documents)?;
    }
    for (kind, why) in &made.not_generated {
        writeln!(out, "\n{kind}: not generated: {}", escape_hidden(why))?;
    }
    let open: BTreeSet<OpenQuestionKind> =
        open_kinds(made).filter(|kind| !is_acknowledged(made, *kind)).collect();
    if !open.is_empty() {
        let kinds = open.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(",");
        writeln!(out, "\nTo accept the open questions, add `--ack-open={kinds}`.")?;
    }
    if let Documents::Written(paths) = documents {
        writeln!(out)?;
        for path in paths {
            writeln!(out, "written to {}", escape_hidden(&path.to_string_lossy()))?;
        }
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

fn open_kinds(made: &Guardrails) -> impl Iterator<Item = OpenQuestionKind> {
    made.guardrails.iter().flat_map(|one| &one.proof.open_questions).map(|question| question.kind)
}

fn is_acknowledged(made: &Guardrails, kind: OpenQuestionKind) -> bool {
    made.acknowledged.contains(&kind)
}

fn print_one(
    out: &mut dyn Write,
    guardrail: &Guardrail,
    made: &Guardrails,
    documents: &Documents,
) -> io::Result<()> {
    let proof = &guardrail.proof;
    let word = match proof.open_questions.iter().all(|question| is_acknowledged(made, question.kind)) {
        _ if proof.is_complete => "PROVEN",
        true => "PROVEN, with acknowledged questions",
        false => "PROVEN, with open questions",
    };
    writeln!(out, "{}: {word}", guardrail.kind.as_str())?;
    writeln!(out, "  {}", escape_hidden(&proof.summary))?;
    let counts = [
        format!("granted {} -> {}", proof.granted_before, proof.granted_after),
        format!("not read-only {} -> {}", proof.excessive_before, proof.excessive_after),
        format!("used {} -> {}", proof.used, proof.used_kept),
        format!("catalog {}", proof.catalog_version),
    ];
    writeln!(out, "  {}", escape_hidden(&counts.join(", ")))?;
    list(out, "used, not read-only, removed", names(&guardrail.removed))?;
    let granted_by_others = names(&guardrail.granted_by_other_policies);
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
    list(out, "wildcards that allow actions AWS adds later", names(&guardrail.open_wildcards))?;
    for question in &proof.open_questions {
        let word = if is_acknowledged(made, question.kind) { "acknowledged" } else { "open" };
        writeln!(out, "  - {word} ({}): {}", question.kind, escape_hidden(&question.text))?;
    }
    for line in &guardrail.notes {
        writeln!(out, "  - {}", escape_hidden(line))?;
    }
    if let Some(changes) = &guardrail.changes {
        changes::print(out, changes)?;
    }
    if matches!(documents, Documents::Hidden) {
        return Ok(());
    }
    for document in &guardrail.documents {
        let size = format!("{} of {} characters", document.characters, document.limit);
        writeln!(out, "  {} ({size}, sha256 {})", document.name, document.sha256)?;
        if matches!(documents, Documents::Printed) {
            // JSON escapes only ASCII control characters, so the others are escaped here.
            document.text.lines().try_for_each(|line| writeln!(out, "{}", escape_remaining(line)))?;
        }
    }
    Ok(())
}

/// Prints names in one line; nothing if there are none.
pub fn list(out: &mut dyn Write, what: &str, items: Vec<String>) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let more = items.len().saturating_sub(MAX_NAMES);
    let shown = items.iter().take(MAX_NAMES).map(|item| escape_hidden(item).into_owned());
    let mut line = shown.collect::<Vec<_>>().join(", ");
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    writeln!(out, "  {what}: {line}")
}

pub fn names<'a>(keys: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<String> {
    keys.into_iter().map(|key| key.to_string()).collect()
}
