//! Patterns that cover actions in few characters.
//!
//! Enters: required actions, permitted actions, and the scope of wildcards. Leaves: [`ActionPattern`]s, in order.
//! Laws: they match every required action, and of all other known actions only permitted ones; the same actions
//! always give the same patterns; of two patterns that match the same actions, the narrower one is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::known_actions::{KnownAction, KnownActions};

/// Which actions a wildcard may match after AWS adds actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WildcardScope {
    /// The patterns have no wildcards.
    NoWildcards,
    /// Actions that are read-only by their name.
    ReadOnly,
    /// Wildcards may match any action.
    AnyAction,
    /// The same, and a wildcard may follow any letter of a name: fewer and shorter patterns, which are harder to read.
    AnyPrefix,
}

/// The actions that patterns must cover, and those that they may match.
#[derive(Clone, Copy, Debug)]
pub struct CoverTarget<'a> {
    /// Actions to cover, by key; an action that is not in the catalog is not covered.
    pub required: &'a BTreeSet<Arc<str>>,
    /// Other actions a pattern may match, by key.
    pub permitted: &'a BTreeSet<Arc<str>>,
    /// Which future actions the wildcards may match.
    pub wildcards: WildcardScope,
}

/// A pattern over the actions of one service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionPattern {
    /// `service:Name`, `service:Begin*` or `service:Begin*End`; the parts are whole words unless
    /// [`WildcardScope::AnyPrefix`] allows others.
    pub text: Arc<str>,
    /// Number of known actions that the pattern matches.
    pub known_matches: usize,
}

impl ActionPattern {
    /// Whether the pattern can match future actions.
    pub fn has_wildcard(&self) -> bool {
        self.text.contains('*')
    }

    /// Number of characters that the pattern needs in a list: text, quotes and a comma.
    pub fn list_characters(&self) -> usize {
        list_characters(&self.text)
    }
}

fn list_characters(text: &str) -> usize {
    text.chars().count() + 3
}

/// Patterns for all services, in order.
pub fn cover_actions(universe: &KnownActions<'_>, wish: CoverTarget<'_>) -> Vec<ActionPattern> {
    let services: BTreeSet<&str> =
        wish.required.iter().filter_map(|key| Some(key.split_once(':')?.0)).collect();
    let mut patterns: Vec<ActionPattern> =
        services.into_iter().flat_map(|service| cover_service(universe, service, wish)).collect();
    patterns.sort_unstable();
    patterns
}

/// Patterns for one service, in order.
pub fn cover_service(
    universe: &KnownActions<'_>,
    service: &str,
    wish: CoverTarget<'_>,
) -> Vec<ActionPattern> {
    let names = universe.actions_of_service(service);
    let mut left: BTreeSet<usize> =
        positions(names, |name| wish.required.contains(&name.key)).into_iter().collect();
    let mut candidates = match wish.wildcards {
        WildcardScope::NoWildcards => Vec::new(),
        _ => candidates(universe, service, names, &left, wish),
    };
    let mut chosen: Vec<CandidatePattern> = Vec::new();
    loop {
        // The value of a candidate falls as others are chosen, so a candidate without value is dropped.
        candidates.retain(|candidate| candidate.saved_characters(names, &left) > 0);
        let best = candidates.iter().enumerate().max_by(|(_, a), (_, b)| {
            let worth = a.saved_characters(names, &left).cmp(&b.saved_characters(names, &left));
            worth.then_with(|| b.text.len().cmp(&a.text.len())).then_with(|| b.text.cmp(&a.text))
        });
        let Some(position) = best.map(|(position, _)| position) else { break };
        let best = candidates.swap_remove(position);
        for position in &best.matched {
            left.remove(position);
        }
        chosen.push(best);
    }
    drop_redundant(&mut chosen, names, wish);
    let whole = left.into_iter().filter_map(|position| names.get(position));
    let whole = whole.map(|name| ActionPattern { text: Arc::clone(&name.key), known_matches: 1 });
    let wild = chosen
        .into_iter()
        .map(|one| ActionPattern { known_matches: one.matched.len(), text: one.text.into() });
    let mut patterns: Vec<ActionPattern> = whole.chain(wild).collect();
    patterns.sort_unstable();
    patterns
}

/// A pattern with one `*` and the positions of the names it matches, in order.
#[derive(Clone, Debug)]
struct CandidatePattern {
    text: String,
    matched: Vec<usize>,
}

impl CandidatePattern {
    /// Characters saved by using it instead of the remaining names.
    fn saved_characters(&self, names: &[KnownAction], left: &BTreeSet<usize>) -> usize {
        let spared = self.matched.iter().filter(|position| left.contains(position));
        let spared: usize =
            spared.filter_map(|position| names.get(*position)).map(|name| list_characters(&name.key)).sum();
        spared.saturating_sub(list_characters(&self.text))
    }
}

fn positions(names: &[KnownAction], keep: impl Fn(&KnownAction) -> bool) -> Vec<usize> {
    names.iter().enumerate().filter(|(_, name)| keep(name)).map(|(position, _)| position).collect()
}

/// Patterns of the required names that match only required or permitted names, the narrowest for each set of names.
fn candidates(
    universe: &KnownActions<'_>,
    service: &str,
    names: &[KnownAction],
    wanted: &BTreeSet<usize>,
    wish: CoverTarget<'_>,
) -> Vec<CandidatePattern> {
    let mut narrowest: BTreeMap<Vec<usize>, String> = BTreeMap::new();
    let mut tried: BTreeSet<(&str, &str)> = BTreeSet::new();
    for name in wanted.iter().filter_map(|position| names.get(*position)) {
        let text = name.name();
        let starts = match wish.wildcards {
            WildcardScope::AnyPrefix => text.char_indices().map(|(at, _)| at).collect(),
            _ => word_starts(text),
        };
        for begin in starts.iter().skip(1) {
            let Some(beginning) = text.get(..*begin) else { continue };
            if wish.wildcards == WildcardScope::ReadOnly
                && !universe.classifies_as_read_only(service, beginning)
            {
                continue;
            }
            let ends = starts.iter().filter(|end| *end > begin && wish.wildcards != WildcardScope::AnyPrefix);
            let ends = ends.filter_map(|end| text.get(*end..));
            for ending in ends.chain([""]) {
                if !tried.insert((beginning, ending)) {
                    continue;
                }
                let matched = matching(names, beginning, ending);
                let is_safe = matched
                    .iter()
                    .filter_map(|position| names.get(*position))
                    .all(|name| wish.required.contains(&name.key) || wish.permitted.contains(&name.key));
                if !is_safe || matched.len() < 2 {
                    continue;
                }
                let pattern = format!("{service}:{beginning}*{ending}");
                let held = narrowest.entry(matched).or_insert_with(|| pattern.clone());
                if (pattern.len(), &*held) > (held.len(), &pattern) {
                    *held = pattern;
                }
            }
        }
    }
    narrowest.into_iter().map(|(matched, text)| CandidatePattern { text, matched }).collect()
}

/// Positions of the names with this beginning and ending, ignoring case.
fn matching(names: &[KnownAction], beginning: &str, ending: &str) -> Vec<usize> {
    let (beginning, ending) = (beginning.to_ascii_lowercase(), ending.to_ascii_lowercase());
    let first = names.partition_point(|name| name.lowercase_name.as_str() < beginning.as_str());
    let group = names.iter().enumerate().skip(first);
    group
        .take_while(|(_, name)| name.lowercase_name.starts_with(&beginning))
        .filter(|(_, name)| {
            name.lowercase_name.len() >= beginning.len() + ending.len()
                && name.lowercase_name.ends_with(&ending)
        })
        .map(|(position, _)| position)
        .collect()
}

/// Positions at which the words of a name start: `Get|Object|Tagging`, `Describe|DB|Instances`, `Get|V2|Logging`.
fn word_starts(name: &str) -> Vec<usize> {
    let letters: Vec<(usize, char)> = name.char_indices().collect();
    let mut starts = Vec::new();
    for (n, (at, letter)) in letters.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| letters.get(n)).map(|(_, letter)| *letter);
        let after = letters.get(n + 1).map(|(_, letter)| *letter);
        let begins = match before {
            None => true,
            Some(before) if letter.is_ascii_uppercase() => {
                !before.is_ascii_uppercase() || after.is_some_and(|after| after.is_ascii_lowercase())
            }
            Some(before) => matches!(before, '-' | '_' | '/'),
        };
        if begins {
            starts.push(*at);
        }
    }
    starts
}

/// Drops each pattern if the others cover all its required actions, in the order the patterns were chosen.
fn drop_redundant(chosen: &mut Vec<CandidatePattern>, names: &[KnownAction], wish: CoverTarget<'_>) {
    let mut position = 0;
    while let Some(one) = chosen.get(position) {
        let others = chosen.iter().enumerate().filter(|(n, _)| *n != position);
        let covered: BTreeSet<usize> = others.flat_map(|(_, other)| other.matched.iter().copied()).collect();
        let is_wanted = |at: &&usize| names.get(**at).is_some_and(|name| wish.required.contains(&name.key));
        if one.matched.iter().filter(is_wanted).all(|at| covered.contains(at)) {
            chosen.remove(position);
        } else {
            position += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_start_at_case_changes_and_separators() {
        let words = |name: &'static str| -> Vec<&str> {
            let starts = word_starts(name);
            let ends = starts.iter().skip(1).copied().chain([name.len()]);
            starts.iter().zip(ends).map(|(start, end)| name.get(*start..end).unwrap()).collect()
        };
        assert_eq!(words("GetObjectTagging"), ["Get", "Object", "Tagging"]);
        assert_eq!(words("DescribeDBInstances"), ["Describe", "DB", "Instances"]);
        assert_eq!(words("ListMFADevices"), ["List", "MFA", "Devices"]);
        assert_eq!(words("GET"), ["GET"]);
        assert_eq!(words("Get-thing/else"), ["Get-", "thing/", "else"]);
        assert!(words("").is_empty());
    }
}
