//! Prints the result of a verification for people.
//!
//! Enters: [`TrailIntegrity`]. Leaves: the result, each chain with what is wrong in it, and what to do. Laws: every missing hour and
//! every file that was tampered with is named; untrusted text is escaped, and is part of a command only if it is plain.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use onlooker_core::{
    escape::escape_hidden,
    log_integrity::{
        ChainIntegrity, DigestIntegrity, IntegrityProblem, IntegrityResult, IntegrityStatus, IntegrityTotals,
        ProblemKind, TrailIntegrity,
    },
};

use crate::{
    args::GlobalArgs,
    text_table::{CellTone, ScreenSettings},
};

/// Number of log files without a digest file, and of unknown signatures, that are printed.
const MAX_LINES: usize = 10;

/// Problems of one kind that are printed of a chain, unless files were tampered with.
const MAX_PROBLEMS: usize = 3;

/// Prints a result.
pub fn print(out: &mut dyn Write, global: &GlobalArgs, result: &TrailIntegrity) -> io::Result<()> {
    let colored = ScreenSettings::of(global).colored;
    let (tone, sentence) = match result.result {
        IntegrityResult::Verified => (CellTone::Good, "VERIFIED: all files are as CloudTrail delivered them"),
        IntegrityResult::Unverified => (CellTone::Warn, "UNVERIFIED: not everything could be verified"),
        IntegrityResult::Gap => (CellTone::Warn, "GAP: digest files or log files are missing"),
        IntegrityResult::NothingFound => (CellTone::Warn, "NOTHING FOUND: the window has no digest file"),
        IntegrityResult::Tampered => (CellTone::Bad, "TAMPERED: files are not as CloudTrail delivered them"),
    };
    writeln!(out, "{}", tone.paint(colored, sentence))?;
    let window = &result.window;
    match window.since {
        Some(since) => writeln!(out, "  window     digest files that overlap {since} to {}", window.until)?,
        None => writeln!(out, "  window     digest files that end by {}", window.until)?,
    }
    if window.since_is_inferred {
        writeln!(out, "             each chain from its oldest digest file, because --since is not given")?;
    }
    if window.expected_until < window.until {
        writeln!(out, "             digest files are expected up to {}", window.expected_until)?;
    }
    writeln!(out, "  digests    {}", numbers(&result.totals, true))?;
    writeln!(out, "  log files  {}", numbers(&result.totals, false))?;
    for chain in &result.chains {
        print_chain(out, colored, chain)?;
    }
    print_unlisted(out, result)?;
    let remedies = remedies(result);
    if !remedies.is_empty() {
        writeln!(out, "\nWhat to do")?;
    }
    remedies.iter().try_for_each(|remedy| writeln!(out, "  - {remedy}"))
}

fn numbers(totals: &IntegrityTotals, digests: bool) -> String {
    let IntegrityTotals { digests_verified, digests_unverified, digests_missing, digests_tampered, .. } =
        *totals;
    let numbers = match digests {
        true => [digests_verified, digests_unverified, digests_missing, digests_tampered],
        false => [
            totals.log_files_verified,
            totals.log_files_unverified,
            totals.log_files_missing,
            totals.log_files_tampered,
        ],
    };
    let words = ["verified", "unverified", "missing", "tampered"];
    // The number that is verified is said also if it is zero.
    let shown = numbers.into_iter().zip(words).enumerate().filter(|(n, (number, _))| *n == 0 || *number > 0);
    shown.map(|(_, (number, word))| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

fn print_chain(out: &mut dyn Write, colored: bool, chain: &ChainIntegrity) -> io::Result<()> {
    let (tone, word) = match chain.status {
        IntegrityStatus::Verified => (CellTone::Good, "verified"),
        IntegrityStatus::Unverified => (CellTone::Warn, "unverified"),
        IntegrityStatus::Missing => (CellTone::Warn, "gap"),
        IntegrityStatus::Tampered => (CellTone::Bad, "tampered"),
    };
    let name = match (&*chain.region, &*chain.trail) {
        ("", _) => format!("{} (no digest files)", chain.account),
        (region, "") => format!("{} {region} (no digest files)", chain.account),
        (region, trail) => format!("{} {region} {trail}", chain.account),
    };
    let backfill = if chain.is_backfill { " (backfill)" } else { "" };
    writeln!(out, "\n{}{backfill}: {}", escape_hidden(&name), tone.paint(colored, word))?;
    writeln!(
        out,
        "  digest files: {}; log files: {}",
        numbers(&chain.totals, true),
        numbers(&chain.totals, false)
    )?;
    for at in chain.begins_at.iter().filter(|at| chain.digests.first().is_none_or(|first| first.from < **at))
    {
        writeln!(out, "  begins     anew at {at}: the digest file names none before it")?;
    }
    print_missing(out, chain)?;
    let mut by_kind: BTreeMap<ProblemKind, Vec<&IntegrityProblem>> = BTreeMap::new();
    for problem in chain.digests.iter().flat_map(|digest| &digest.problems) {
        by_kind.entry(problem.kind).or_default().push(problem);
    }
    for (kind, problems) in by_kind {
        let (label, most) = match (kind, kind.status()) {
            (ProblemKind::DigestMissing, _) => continue,
            (_, IntegrityStatus::Tampered) => ("tampered", usize::MAX),
            (_, IntegrityStatus::Missing) => ("missing", MAX_PROBLEMS),
            _ => ("unverified", MAX_PROBLEMS),
        };
        for IntegrityProblem { file, detail, .. } in problems.iter().take(most) {
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            let line = format!("{file}: {}{detail}", kind.sentence());
            writeln!(out, "  {label:<10} {}", escape_hidden(&line))?;
        }
        if let Some(more) = problems.len().checked_sub(most).filter(|more| *more > 0) {
            writeln!(out, "  {label:<10} and {more} more: {} (--format json has all)", kind.sentence())?;
        }
    }
    Ok(())
}

/// Windows without a digest file; those that follow each other in one line.
fn print_missing(out: &mut dyn Write, chain: &ChainIntegrity) -> io::Result<()> {
    let is_missing = |digest: &&DigestIntegrity| {
        digest.problems.iter().any(|problem| problem.kind == ProblemKind::DigestMissing)
    };
    let missing: Vec<&DigestIntegrity> = chain.digests.iter().filter(is_missing).collect();
    for run in missing.chunk_by(|one, next| one.until == next.from) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let files = if run.len() == 1 { "the digest file" } else { "the digest files" };
        let hours = run.len();
        write!(out, "  missing    {files} from {} to {}", first.from, last.until)?;
        if hours > 1 {
            write!(out, ", one for each of {hours} hours")?;
        }
        if let Some(key) = &last.file {
            write!(out, "; the last is {}", escape_hidden(key))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn print_unlisted(out: &mut dyn Write, result: &TrailIntegrity) -> io::Result<()> {
    let unlisted = &result.unlisted;
    if unlisted.count > 0 {
        writeln!(out, "\nLog files that no digest file lists: {}", unlisted.count)?;
        for file in unlisted.files.iter().take(MAX_LINES) {
            writeln!(out, "  {}", escape_hidden(file))?;
        }
        if unlisted.count > MAX_LINES as u64 {
            writeln!(out, "  and {} more (--format json has them)", unlisted.count - MAX_LINES as u64)?;
        }
    }
    if unlisted.not_yet_listed > 0 {
        let files = if unlisted.not_yet_listed == 1 { "log file is" } else { "log files are" };
        writeln!(
            out,
            "\n{} {files} newer than the newest digest file, which cannot list them",
            unlisted.not_yet_listed
        )?;
    }
    Ok(())
}

/// What the user can do about the result.
fn remedies(result: &TrailIntegrity) -> Vec<String> {
    let (mut remedies, mut fingerprints) = (Vec::new(), BTreeSet::new());
    for key in &result.unknown_keys {
        if is_plain(&key.region) {
            remedies.push(format!(
                "fetch the public keys, and give them with --public-keys keys-{0}.json: aws cloudtrail list-public-keys \
                 --region {0} --start-time {1} --end-time {2} > keys-{0}.json",
                key.region, key.first, key.last
            ));
        }
        fingerprints.insert(&key.fingerprint);
    }
    for fingerprint in fingerprints {
        remedies.push(format!(
            "if AWS does not list the key with the fingerprint {}, CloudTrail did not sign these digest files",
            escape_hidden(fingerprint)
        ));
    }
    let bucket_of = |key: &str| {
        let digests = |chain: &ChainIntegrity| {
            chain.digests.iter().any(|digest| {
                digest.problems.iter().any(|problem| problem.kind == ProblemKind::SignatureUnknown)
                    && digest.file.as_ref().is_some_and(|file| {
                        file.rsplit('/').next().is_some_and(|name| key.contains(name.trim_end_matches(".gz")))
                    })
            })
        };
        result.chains.iter().find(|chain| digests(chain)).map(|chain| chain.bucket.clone())
    };
    for key in result.unknown_signatures.iter().take(MAX_LINES) {
        let bucket = bucket_of(key).filter(|bucket| is_plain(bucket) && is_plain(key));
        remedies.push(match bucket {
            Some(bucket) => format!(
                "fetch the signature, and give it with --signatures: aws s3api head-object --bucket {bucket} --key {key} \
                 --query \"{{Key: '{key}', Metadata: Metadata}}\" --output json >> signatures.json"
            ),
            None => format!(
                "fetch the metadata of {} with `aws s3api head-object`, and give it with --signatures",
                escape_hidden(key)
            ),
        });
    }
    let totals = &result.totals;
    if totals.digests_missing + totals.log_files_missing > 0 && result.result != IntegrityResult::NothingFound
    {
        remedies.push(
            "copy the missing files from the bucket; give --until if the copy is older; if they are not there, the hours are \
             unproven"
                .to_owned(),
        );
    }
    if result.result == IntegrityResult::NothingFound {
        remedies.push(
            "name the folder or prefix that contains AWSLogs, and the window with --since and --until; digest files are written only \
             while log file validation is enabled: aws cloudtrail update-trail --name NAME --enable-log-file-validation"
                .to_owned(),
        );
    }
    if result.unlisted.count > 0 {
        remedies.push(
            "find out which trail delivered the log files that no digest file lists; a trail without log file validation does not \
             list its own"
                .to_owned(),
        );
    }
    if result.result == IntegrityResult::Tampered {
        remedies.push(
            "fetch the files again and compare; if they are the same in the bucket, keep the bucket as it is, with its versions and access \
             logs, and treat what happened in these hours as unknown"
                .to_owned(),
        );
    }
    remedies
}

/// Whether a text has only characters that no shell interprets.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.=-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_a_shell_interprets_is_not_plain() {
        assert!(is_plain("pre/AWSLogs/o-1/1_CloudTrail-Digest_r.json.gz"));
        for text in ["", "a b", "$(x)", "a'b", "`x`", "-x", "a\nb", "a;b", "é"] {
            assert!(!is_plain(text), "{text}");
        }
    }
}
