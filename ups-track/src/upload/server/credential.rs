//! What lets us in at a server, and where it is found.

use std::fmt;
use std::path::{Path, PathBuf};

use super::address::{Address, OLDER_HOST};
use super::key::Key;
use super::netrc;
use super::token::Identity;
use crate::settings::Sources;
use crate::upload::Failure;

/// What lets us in at a server.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// An API key.
    Key(Key),
    /// The identity token of a workload, for which the server gives access tokens.
    Identity(Identity),
}

impl From<Key> for Credential {
    fn from(key: Key) -> Self {
        Self::Key(key)
    }
}

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// An environment variable or a settings file, as [`Given`](crate::settings) names it.
    Setting(String),
    /// The netrc file, for this machine.
    Netrc(PathBuf, String),
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(from) => f.write_str(from),
            Self::Netrc(path, machine) => write!(f, "machine {machine} in {}", crate::harmless::path(path)),
        }
    }
}

/// What lets us in at a server: environment, then netrc, then settings files.
pub(super) fn find(
    sources: &Sources,
    address: &Address,
    netrc: Option<&Path>,
) -> Result<Option<(Credential, KeySource)>, Failure> {
    let checked = |text: &str, from: KeySource| match Key::new(text) {
        Ok(key) => Ok(Some((Credential::Key(key), from))),
        Err(rule) => Err(Failure::KeyForm { from: from.to_string(), rule }),
    };
    let identity = sources.find(None, &["WANDB_IDENTITY_TOKEN_FILE"], "identity_token_file");
    match (sources.var("WANDB_API_KEY"), identity) {
        (Some(_), Some(identity)) => {
            return Err(Failure::Settings(format!(
                "there are both an API key (from the environment variable WANDB_API_KEY) and an identity token (from {}): unset one of them",
                identity.from
            )));
        }
        (Some(given), None) => return checked(&given.value, KeySource::Setting(given.from)),
        (None, Some(given)) => {
            let file = sources.find_path("WANDB_IDENTITY_TOKEN_FILE", "identity_token_file");
            let identity = Identity::new(file.unwrap_or_default(), sources);
            return Ok(Some((Credential::Identity(identity), KeySource::Setting(given.from))));
        }
        (None, None) => {}
    }
    if let Some(path) = netrc {
        let older = address.has_older_name().then(|| OLDER_HOST.to_owned());
        for machine in std::iter::once(address.netrc_machine()).chain(older) {
            if let Some(password) = netrc::password(path, &machine) {
                return checked(&password, KeySource::Netrc(path.to_owned(), machine));
            }
        }
    }
    match sources.find(None, &[], "api_key") {
        Some(given) => checked(&given.value, KeySource::Setting(given.from)),
        None => Ok(None),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let netrc = dir.path().join("netrc");
        let key = |last: char| format!("{}{last}", "k".repeat(40));
        std::fs::write(
            &netrc,
            format!(
                "machine api.wandb.ai login user password {}\nmachine localhost:8080\n  login user\n  password {}\n",
                key('a'),
                key('b')
            ),
        )
        .unwrap();
        let found = |vars: &[(&str, &str)], base: &str| {
            let address = Address::new(base, "a test", None).unwrap();
            let sources = Sources::from_vars(vars, dir.path());
            let found = find(&sources, &address, Some(&netrc)).unwrap();
            found.map(|(credential, from)| match credential {
                Credential::Key(key) => (key.reveal().to_owned(), from.to_string()),
                Credential::Identity(identity) => (identity.file().display().to_string(), from.to_string()),
            })
        };
        let in_variable = key('c');
        let vars = [("WANDB_API_KEY", in_variable.as_str())];
        assert_eq!(found(&vars, "http://localhost:8080").unwrap().0, in_variable);
        assert_eq!(found(&[], "http://localhost:8080").unwrap().0, key('b'));
        assert_eq!(found(&[], "http://localhost"), None);
        assert_eq!(found(&[], "https://api.forge.coreweave.com").unwrap().0, key('a'));
        assert_eq!(found(&[], "https://api.example.org"), None);
        let (file, from) =
            found(&[("WANDB_IDENTITY_TOKEN_FILE", "/run/token")], "http://localhost:8080").unwrap();
        assert_eq!(file, "/run/token");
        assert!(from.contains("WANDB_IDENTITY_TOKEN_FILE"), "{from}");
    }

    #[test]
    fn a_key_and_a_token_are_one_too_many() {
        let key = "k".repeat(40);
        let vars = [("WANDB_API_KEY", key.as_str()), ("WANDB_IDENTITY_TOKEN_FILE", "/run/token")];
        let address = Address::new("http://localhost", "a test", None).unwrap();
        let said = find(&Sources::from_vars(&vars, Path::new(".")), &address, None).unwrap_err().to_string();
        for words in ["WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "unset one of them"] {
            assert!(said.contains(words), "{said}");
        }
        assert!(!said.contains(&key), "{said}");
    }
}
