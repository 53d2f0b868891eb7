//! A program without feature `online` has no upload.

use std::time::Duration;

use super::end::Delivery;
use crate::error::Result;
use crate::rundir::RunDir;
use crate::settings::{Settings, Sources};

/// No upload: there is no value of this.
#[derive(Debug)]
pub(crate) enum Uplink {}

/// No server: there is no value of this.
#[derive(Debug)]
pub(crate) enum Way {}

/// No upload to repeat: there is no value of this.
#[derive(Debug)]
pub(crate) enum Again {}

impl Again {
    pub(crate) fn send(&self, _: Duration) -> bool {
        match *self {}
    }
}

impl Way {
    #[expect(clippy::unnecessary_wraps, reason = "as with feature `online`")]
    pub(crate) fn find(_: &mut Settings, _: &Sources) -> Result<Option<Self>> {
        Ok(None)
    }
}

impl Uplink {
    #[expect(clippy::needless_pass_by_value, reason = "as with feature `online`")]
    pub(crate) fn start(way: Way, _: &Settings, _: Sources, _: &RunDir) -> Result<Self> {
        match way {}
    }

    pub(crate) fn again(&self) -> Again {
        match *self {}
    }

    pub(crate) fn page(&self) -> Option<String> {
        match *self {}
    }

    pub(crate) fn wait_for_page(&self, _: Duration) -> Option<String> {
        match *self {}
    }

    pub(crate) fn is_stop_asked(&self) -> bool {
        match *self {}
    }

    pub(crate) fn on_stop(&self, _: Box<dyn FnOnce() + Send>) {
        match *self {}
    }

    pub(crate) fn finish(&self, _: u64, _: Duration) -> Delivery {
        match *self {}
    }
}
