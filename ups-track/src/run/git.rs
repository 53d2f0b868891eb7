//! The commit and remote of the working directory, read from `.git` itself: no `git` needs to be installed.

use std::path::{Path, PathBuf};

use crate::log::record::Git;
use crate::os::small;
use crate::secrets;

/// What is known of the repository around `dir`.
pub(crate) fn around(dir: &Path) -> Option<Git> {
    let git_dir = dir.ancestors().find_map(git_dir)?;
    // A linked work tree keeps branches and config in the main repository.
    let common = match small::read_text(&git_dir.join("commondir")) {
        Ok(path) => git_dir.join(path.trim()),
        Err(_) => git_dir.clone(),
    };
    let commit = commit(&git_dir, &common).unwrap_or_default();
    let remote =
        small::read_text(&common.join("config")).ok().and_then(|config| remote(&config)).unwrap_or_default();
    let remote_url = secrets::without_url_credentials(&remote);
    (!commit.is_empty() || !remote_url.is_empty()).then_some(Git { remote_url, commit })
}

/// The repository's directory: `.git`, or where a `.git` file points.
fn git_dir(dir: &Path) -> Option<PathBuf> {
    let dot = dir.join(".git");
    if dot.is_dir() {
        return Some(dot);
    }
    let text = small::read_text(&dot).ok()?;
    Some(dir.join(text.trim().strip_prefix("gitdir:")?.trim()))
}

fn commit(git_dir: &Path, common: &Path) -> Option<String> {
    let is_hash = |text: &str| text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let head = small::read_text(&git_dir.join("HEAD")).ok()?;
    let head = head.trim();
    let Some(branch) = head.strip_prefix("ref:").map(str::trim) else {
        return is_hash(head).then(|| head.to_owned());
    };
    let loose = [git_dir, common].iter().find_map(|dir| small::read_text(&dir.join(branch)).ok());
    if let Some(loose) = loose.map(|text| text.trim().to_owned()).filter(|text| is_hash(text)) {
        return Some(loose);
    }
    let packed = small::read_text(&common.join("packed-refs")).ok()?;
    packed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(_, name)| *name == branch)
        .map(|(hash, _)| hash.to_owned())
}

/// The URL of `origin`, or else of the first remote, in the text of a git config.
fn remote(config: &str) -> Option<String> {
    let mut section = "";
    let mut first = None;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if let Some((name, url)) = line.split_once('=')
            && section.starts_with("[remote ")
            && name.trim() == "url"
        {
            let url = url.trim().to_owned();
            if section == "[remote \"origin\"]" {
                return Some(url);
            }
            first.get_or_insert(url);
        }
    }
    first
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn reads_branch_packed_and_detached_heads() {
        let dir = tempfile::tempdir().unwrap();
        let git = dir.path().join(".git");
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::write(
            git.join("config"),
            "[core]\n[remote \"up\"]\n\turl = x\n[remote \"origin\"]\n\turl = https://me:key@git.invalid/r.git\n",
        )
        .unwrap();
        let hash = "a".repeat(40);
        fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(git.join("packed-refs"), format!("# pack\n{hash} refs/heads/main\n")).unwrap();
        let sub = dir.path().join("a/b");
        fs::create_dir_all(&sub).unwrap();
        let found = around(&sub).unwrap();
        assert_eq!(found.commit, hash);
        assert_eq!(found.remote_url, "https://git.invalid/r.git");
        fs::write(git.join("refs/heads/main"), format!("{}\n", "b".repeat(40))).unwrap();
        assert_eq!(around(&sub).unwrap().commit, "b".repeat(40));
        fs::write(git.join("HEAD"), "c".repeat(40)).unwrap();
        assert_eq!(around(&sub).unwrap().commit, "c".repeat(40));
        fs::write(git.join("HEAD"), "garbage").unwrap();
        assert_eq!(around(&sub).unwrap().commit, "");
    }
}
