//! The commit that a folder of sources is a checkout of.
//!
//! Enters: the folder. Leaves: the commit, and the files that name it. Laws: only a repository of this very folder counts,
//! not one around it; what does not name a commit is ignored.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The commit, and the files that change when another commit is checked out.
pub fn checkout(root: &Path) -> Option<(String, Vec<PathBuf>)> {
    let git = git_folder(root)?;
    let head = git.join("HEAD");
    let text = fs::read_to_string(&head).ok()?;
    let Some(reference) = text.trim().strip_prefix("ref: ") else {
        return Some((commit(&text)?, vec![head]));
    };
    // The references of a worktree are in the repository that it belongs to.
    let common = match fs::read_to_string(git.join("commondir")) {
        Ok(path) => git.join(path.trim()),
        Err(_) => git.clone(),
    };
    let loose = common.join(reference);
    let packed = common.join("packed-refs");
    let found = match fs::read_to_string(&loose) {
        Ok(text) => commit(&text),
        Err(_) => fs::read_to_string(&packed).ok()?.lines().find_map(|line| {
            let (id, name) = line.split_once(' ')?;
            (name == reference).then(|| commit(id)).flatten()
        }),
    };
    // A commit on a packed branch makes a file that is not there yet; the log of `HEAD` changes with each commit.
    let log = git.join("logs").join("HEAD");
    let files = [head, loose, packed, log].into_iter().filter(|path| path.exists());
    Some((found?, files.collect()))
}

/// The folder with `HEAD`: `.git`, or the one that a file of this name points to.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir: ")?))
}

/// The id of a commit: 40 hex digits, or 64 in a repository with SHA-256.
pub fn commit(text: &str) -> Option<String> {
    let id = text.trim();
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_ascii_lowercase())
}
