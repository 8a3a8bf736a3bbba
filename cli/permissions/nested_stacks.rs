//! Nested stacks with templates among the given files.
//!
//! Enters: files. Leaves: their content, each template as its parents deploy it. Laws: a path is taken in the folder of
//! the parent; a URL means a file only if it is the only one with that name and no other nested stack claims it; a
//! template is never its own nested stack; a nested stack with a template that is not found stays unread.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Component, Path, PathBuf},
};

use onlooker_core::permissions::{NestedTemplate, policy_files::PolicyFile};

use super::policy_files::PolicyReader;
use crate::exit::CommandError;

/// Largest number of nested stacks that are read.
const MAX_STACKS: usize = 1000;

type Parameters = BTreeMap<String, Option<String>>;

/// A template that is read for one stack.
struct StackReading {
    file: PolicyFile,
    /// Positions of the file and of its parents.
    chain: Vec<usize>,
}

/// Reads the files. A template that is a nested stack of another is read with the parameters of each stack.
pub fn read(
    inputs: &mut PolicyReader,
    paths: &[PathBuf],
    account: Option<&str>,
) -> Result<Vec<PolicyFile>, CommandError> {
    let mut files: Vec<PolicyFile> =
        paths.iter().map(|path| inputs.file(path, account)).collect::<Result<_, _>>()?;
    let children = children(paths, &files);
    let nested: BTreeSet<usize> = children.values().copied().collect();
    let (mut done, mut reached) = (Vec::new(), BTreeSet::new());
    let mut waiting = VecDeque::new();
    for (at, file) in files.iter_mut().enumerate().filter(|(at, _)| !nested.contains(at)) {
        waiting.push_back(StackReading { file: std::mem::take(file), chain: vec![at] });
    }
    let mut stacks: BTreeSet<(usize, Parameters)> = BTreeSet::new();
    while let Some(StackReading { mut file, chain }) = waiting.pop_front() {
        let mut found = Vec::new();
        let parent = chain.last().copied().unwrap_or_default();
        file.unread.retain(|one| {
            let Some(NestedTemplate { location, parameters }) = &one.template else { return true };
            let child = children.get(&(parent, location.clone())).copied();
            let Some(child) = child.filter(|child| !chain.contains(child) && stacks.len() < MAX_STACKS)
            else {
                return true;
            };
            if stacks.insert((child, parameters.clone())) {
                found.push((child, parameters.clone()));
            }
            false
        });
        done.push(file);
        for (child, parameters) in found {
            let Some(path) = paths.get(child) else { continue };
            reached.insert(child);
            let file = inputs.stack(path, account, &parameters)?;
            waiting.push_back(StackReading { file, chain: chain.iter().copied().chain([child]).collect() });
        }
    }
    // Templates that are nested in each other only.
    let left = files.into_iter().enumerate();
    done.extend(left.filter(|(at, _)| nested.contains(at) && !reached.contains(at)).map(|(_, file)| file));
    Ok(done)
}

/// The positions of the templates of nested stacks, by the position of the parent and the location that it says.
fn children(paths: &[PathBuf], files: &[PolicyFile]) -> BTreeMap<(usize, String), usize> {
    let mut all = BTreeMap::new();
    let mut by_url: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let resolved: Vec<PathBuf> = paths.iter().map(|path| resolved(path)).collect();
    for (parent, file) in files.iter().enumerate() {
        for location in file.unread.iter().filter_map(|one| Some(one.template.as_ref()?.location.as_str())) {
            if location.contains("://") {
                by_url.entry(location).or_default().insert(parent);
                continue;
            }
            let folder = paths.get(parent).and_then(|path| path.parent()).unwrap_or(Path::new(""));
            let wanted = self::resolved(&folder.join(location));
            let found = resolved.iter().position(|path| *path == wanted);
            if let Some(found) = found.filter(|found| *found != parent) {
                all.insert((parent, location.to_owned()), found);
            }
        }
    }
    // The files that local paths mean.
    let taken: BTreeSet<usize> = all.values().copied().collect();
    let claims: Vec<(&str, usize)> = by_url
        .iter()
        .filter_map(|(url, parents)| {
            Some((*url, only_named(paths, url)?)).filter(|(_, at)| !parents.contains(at))
        })
        .collect();
    for (url, at) in &claims {
        let is_alone = claims.iter().filter(|(_, other)| other == at).count() == 1;
        if is_alone && !taken.contains(at) {
            let parents = by_url.get(url).into_iter().flatten();
            all.extend(parents.map(|parent| ((*parent, (*url).to_owned()), *at)));
        }
    }
    all
}

/// The position of the only file with the name at the end of a URL.
fn only_named(paths: &[PathBuf], url: &str) -> Option<usize> {
    let path = url.split(['?', '#']).next()?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
    let mut named =
        paths.iter().enumerate().filter(|(_, path)| path.file_name().is_some_and(|own| own == name));
    let (at, _) = named.next()?;
    named.next().is_none().then_some(at)
}

/// A path that is the same for each way to write it.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
