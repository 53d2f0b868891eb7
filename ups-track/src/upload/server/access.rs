//! Where and as whom we upload, as the settings say it.

use std::path::PathBuf;

use super::address::Address;
use super::credential::{self, Credential, KeySource};
use super::netrc;
use crate::settings::Sources;
use crate::upload::Failure;

/// Where and as whom we upload.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) address: Address,
    /// What lets us in and where it was found; none if there is none.
    pub(crate) key: Option<(Credential, KeySource)>,
    pub(crate) entity: Option<String>,
    pub(crate) project: Option<String>,
    /// The netrc file that is read and written.
    pub(crate) netrc: Option<PathBuf>,
}

impl Access {
    /// What environment, settings files and netrc say.
    ///
    /// # Errors
    ///
    /// If the server's address or the key has a form that it cannot have, or a file cannot be read.
    pub(crate) fn find(sources: &mut Sources) -> Result<Self, Failure> {
        read_settings_files(sources)?;
        Self::find_in_read(sources)
    }

    /// As [`find`](Self::find), for those who bring a key.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), but a bad key is none.
    pub(crate) fn find_without_key(sources: &mut Sources) -> Result<Self, Failure> {
        read_settings_files(sources)?;
        Self::of(sources)
    }

    /// As [`find`](Self::find), where the settings files have been read.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(crate) fn find_in_read(sources: &Sources) -> Result<Self, Failure> {
        let mut access = Self::of(sources)?;
        access.key = credential::find(sources, &access.address, access.netrc.as_deref())?;
        Ok(access)
    }

    fn of(sources: &Sources) -> Result<Self, Failure> {
        let value = |var: &str, name: &str| sources.find(None, &[var], name).map(|found| found.value);
        Ok(Self {
            address: Address::find(sources)?,
            key: None,
            entity: value("WANDB_ENTITY", "entity"),
            project: value("WANDB_PROJECT", "project"),
            netrc: netrc::place(sources),
        })
    }

    /// What lets us in at the same server now: somebody may have stored another key, or renewed the settings.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), or if there is none any more.
    pub(crate) fn key_now(&self, sources: &Sources) -> Result<Credential, Failure> {
        let found = credential::find(sources, &self.address, self.netrc.as_deref())?;
        match found {
            Some((credential, _)) => Ok(credential),
            None => self.key().cloned(),
        }
    }

    /// The key, or what stands in its place.
    ///
    /// # Errors
    ///
    /// If there is none: the message tells how to give one.
    pub(crate) fn key(&self) -> Result<&Credential, Failure> {
        self.key
            .as_ref()
            .map(|(key, _)| key)
            .ok_or_else(|| Failure::NoKey { server: self.address.base().to_owned() })
    }
}

fn read_settings_files(sources: &mut Sources) -> Result<(), Failure> {
    sources.read_settings_files().map_err(|e| Failure::Settings(e.with_cause()))
}
