//! `ups-track status`: with whom an upload would talk, and as whom.

use std::io::Write;

use super::screen::{Colour, Screen};
use super::text::clean;
use super::{FAILED, FINE, Failure, complain};
use crate::settings::Sources;
use crate::upload::server::{Access, Credential};
use crate::upload::{self, Client};

/// Tells server, key and entity, and asks the server whether it knows the key.
pub(super) fn status(screen: &mut Screen<impl Write>, err: &mut dyn Write) -> Result<u8, Failure> {
    let said = |e: upload::Failure| Failure::Said(e.to_string());
    let mut sources = Sources::process();
    let access = Access::find(&mut sources).map_err(said)?;
    let address = &access.address;
    screen.section("server", [format!("{} (from {})", address.base(), clean(address.from()))])?;
    if let Some(entity) = &access.entity {
        screen.section("entity", [clean(entity)])?;
    }
    if let Some(project) = &access.project {
        screen.section("project", [clean(project)])?;
    }
    let Some((key, source)) = &access.key else {
        let none = screen.paint(Colour::Doubtful, "none");
        screen.section("key", [format!("{none}: `ups-track login` stores one")])?;
        return Ok(FAILED);
    };
    let from = clean(&source.to_string()).into_owned();
    match key {
        Credential::Key(_) => screen.section("key", [format!("from {from}")])?,
        Credential::Identity(identity) => {
            let file = crate::harmless::path(identity.file());
            screen.section("token", [format!("identity token in {file} (from {from})")])?;
        }
    }
    screen.flush()?;
    let client = Client::new(address, key, &sources).map_err(said)?;
    match upload::block_on(client.viewer()) {
        Ok(viewer) => {
            let who = viewer.username.as_deref().or(viewer.entity.as_deref()).unwrap_or("somebody");
            let fine = screen.paint(Colour::Good, "accepted");
            screen.section("login", [format!("{fine}, as {}", clean(who))])?;
            if let (None, Some(entity)) = (&access.entity, &viewer.entity) {
                screen.section("entity", [format!("{} (the login's default)", clean(entity))])?;
            }
            Ok(FINE)
        }
        Err(e) => {
            complain(err, format_args!("error: {e}\n"));
            Ok(FAILED)
        }
    }
}
