//! The identity token of a workload (OIDC), and the access tokens that the server gives for it. Nobody prints either.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::private_file;
use crate::os::{self, small};
use crate::settings::Sources;
use crate::upload::Failure;

/// An access token that ends sooner than this is not used any more.
const LEFT: Duration = Duration::from_mins(5);

/// The longest identity token that is read.
const LONGEST: usize = 1024 * 1024;

/// A token. It has no way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// A text that can stand in a header.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let fine = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        fine.then(|| Self(text.to_owned()))
    }

    /// The token itself, for a header or a form.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A text in which the token, should somebody have put it there, does not stand.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        text.replace(&self.0, crate::secrets::HIDDEN)
    }
}

/// A file with an identity token, and the one that keeps access tokens.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    file: PathBuf,
    cache: Option<PathBuf>,
}

impl Identity {
    pub(super) fn new(file: PathBuf, sources: &Sources) -> Self {
        let given = sources.find_path("WANDB_CREDENTIALS_FILE", "credentials_file");
        let usual = || sources.home.as_ref().map(|home| home.join(".config/wandb/credentials.json"));
        Self { file, cache: given.or_else(usual) }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the identity token, which whoever has put it there replaces now and then.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub(crate) fn read(&self) -> Result<Token, Failure> {
        let fault =
            |source| Failure::File { action: "read the identity token", path: self.file.clone(), source };
        let text = small::read_text(&self.file).map_err(fault)?;
        if text.len() > LONGEST {
            return Err(fault(std::io::Error::other("it is too long for one")));
        }
        Token::new(text.trim()).ok_or_else(|| fault(std::io::Error::other("it holds no token")))
    }

    /// The access token for a server that an earlier process has kept, if it can still be used.
    pub(crate) fn cached(&self, server: &str, now: SystemTime) -> Option<AccessToken> {
        let cache = Cache::read(self.cache.as_deref()?);
        let Entry { access_token, expires_at } = cache.credentials.get(server)?;
        let token = AccessToken { token: Token::new(access_token)?, expires: parse(expires_at)? };
        token.is_good(now).then_some(token)
    }

    /// Keeps an access token for other processes, readable by its owner alone.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(crate) fn keep(&self, server: &str, token: &AccessToken) -> Result<(), Failure> {
        let Some(path) = &self.cache else { return Ok(()) };
        let mut cache = Cache::read(path);
        let entry = Entry { access_token: token.token.0.clone(), expires_at: shown(token.expires) };
        cache.credentials.insert(server.to_owned(), entry);
        let text = serde_json::to_vec(&cache).unwrap_or_default();
        private_file::write(path, &text)
    }
}

/// What the server gives for an identity token.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) token: Token,
    pub(crate) expires: SystemTime,
}

impl AccessToken {
    /// Whether it can be used for a while.
    pub(crate) fn is_good(&self, now: SystemTime) -> bool {
        self.expires.duration_since(now).is_ok_and(|left| left > LEFT)
    }
}

/// The file of access tokens, as W&B's client writes it.
#[derive(Default, Serialize, Deserialize)]
struct Cache {
    #[serde(default)]
    credentials: BTreeMap<String, Entry>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    access_token: String,
    expires_at: String,
}

impl Cache {
    /// What the file has. One that is not understood has nothing: all of it can be had anew.
    fn read(path: &Path) -> Self {
        small::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC.
fn shown(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let t = os::utc(seconds);
    format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}

fn parse(text: &str) -> Option<SystemTime> {
    let numbers: Vec<i64> =
        text.split(['-', ' ', ':']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year @ 1970..=9999, month @ 1..=12, day @ 1..=31, hour @ 0..=23, minute @ 0..=59, second @ 0..=60] =
        numbers[..]
    else {
        return None;
    };
    // Days since 1970, in years that begin with March.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn identity(dir: &Path) -> Identity {
        Identity { file: dir.join("token"), cache: Some(dir.join("new/credentials.json")) }
    }

    fn access(text: &str, expires: SystemTime) -> AccessToken {
        AccessToken { token: Token::new(text).unwrap(), expires }
    }

    #[test]
    fn access_tokens_are_kept_per_server_and_for_their_owner() {
        let dir = tempfile::tempdir().unwrap();
        let identity = identity(dir.path());
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        assert!(identity.cached("http://a", now).is_none());
        identity.keep("http://a", &access("A", now + LEFT + Duration::from_secs(1))).unwrap();
        identity.keep("http://b", &access("B", now + LEFT)).unwrap();
        let path = identity.cache.as_ref().unwrap();
        assert_eq!(identity.cached("http://a", now).unwrap().token.reveal(), "A");
        // Five minutes are too little.
        assert!(identity.cached("http://b", now).is_none());
        assert!(identity.cached("http://a", now + Duration::from_secs(1)).is_none());
        let text: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let at = text.pointer("/credentials/http:~1~1a/expires_at").unwrap();
        assert_eq!(at, "2027-01-15 08:05:01");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(path, r#"{"credentials": 7}"#).unwrap();
        assert!(identity.cached("http://a", now).is_none());
        identity.keep("http://a", &access("C", now + 2 * LEFT)).unwrap();
        assert_eq!(identity.cached("http://a", now).unwrap().token.reveal(), "C");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_file_holds_one_token() {
        let dir = tempfile::tempdir().unwrap();
        let identity = identity(dir.path());
        assert!(identity.read().unwrap_err().to_string().contains("read the identity token"));
        for bad in ["", " \n", "two words"] {
            fs::write(&identity.file, bad).unwrap();
            let said = identity.read().unwrap_err().to_string();
            assert!(said.contains("it holds no token") && !said.contains("two"), "{said}");
        }
        fs::write(&identity.file, "a.b.c\n").unwrap();
        let token = identity.read().unwrap();
        assert_eq!((token.reveal(), format!("{token:?}").as_str()), ("a.b.c", "Token(..)"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_parsed(seconds in 0_u64..253_402_300_799) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            prop_assert_eq!(parse(&shown(time)), Some(time));
        }

        #[test]
        fn parsing_never_panics(text in "[-0-9: ]{0,30}|\\PC*") {
            if let Some(time) = parse(&text) {
                prop_assert!(time >= SystemTime::UNIX_EPOCH);
            }
        }
    }
}
