//! `onlooker --version`: what this program was built from.
//!
//! Enters: nothing. Leaves: version, commit, catalog and features. Law: a commit that is not known is not named.

#[cfg(test)]
#[path = "commit.rs"]
mod commit;

use onlooker_core::catalog::Catalog;

/// The commit that the build script found.
const COMMIT: Option<&str> = option_env!("ONLOOKER_SOURCE_COMMIT");

/// The lines of `--version`. `-V` has only the first.
pub fn text() -> String {
    let catalog = Catalog::embedded();
    let hash = catalog.hash();
    let commit = COMMIT.unwrap_or("not recorded: a development build, or built outside of a git checkout");
    let features = [("aws", cfg!(feature = "aws")), ("clouds", cfg!(feature = "clouds"))];
    let features: Vec<&str> = features.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    format!(
        "onlooker {}\ncommit    {commit}\ncatalog   {} (sha256 {})\nfeatures  {features}\n",
        env!("CARGO_PKG_VERSION"),
        catalog.version(),
        hash.get(..16).unwrap_or(hash),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::commit::{checkout, commit};

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_commit_is_found_in_each_kind_of_checkout_and_nowhere_else() {
        let home = tempfile::tempdir().expect("a directory");
        let root = home.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(path, text).expect("written");
        };
        let found = |folder: &str| checkout(&root.join(folder)).map(|(commit, files)| (commit, files.len()));
        assert_eq!(found("."), None, "no repository");
        write("detached/.git/HEAD", ID);
        write("branch/.git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(found("branch"), None, "a branch without a commit");
        write("branch/.git/refs/heads/main", &format!("{ID}\n"));
        write("packed/.git/HEAD", "ref: refs/heads/main\n");
        write("packed/.git/packed-refs", &format!("# pack-refs\n{ID} refs/heads/main\n"));
        write("worktree/.git", "gitdir: ../branch/.git/worktrees/one\n");
        write("branch/.git/worktrees/one/HEAD", "ref: refs/heads/main\n");
        write("branch/.git/worktrees/one/commondir", "../..\n");
        write("broken/.git/HEAD", "something else");
        let id = ID.to_owned();
        assert_eq!(found("detached"), Some((id.clone(), 1)));
        assert_eq!(found("branch"), Some((id.clone(), 2)));
        assert_eq!(found("packed"), Some((id.clone(), 2)));
        assert_eq!(found("worktree"), Some((id, 2)));
        assert_eq!(found("broken"), None);
        assert_eq!(found("branch/.git/refs"), None, "a repository around it is not its own");
    }

    #[test]
    fn only_a_full_id_is_a_commit() {
        assert_eq!(commit(&format!(" {}\n", ID.to_uppercase())).as_deref(), Some(ID));
        assert_eq!(commit("0123456"), None);
        assert_eq!(commit(&"x".repeat(40)), None);
    }
}
