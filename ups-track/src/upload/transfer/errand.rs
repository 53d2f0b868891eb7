//! Something that is sent beside the lines, so that they never wait for it.

use crate::upload::Failure;

/// At most one task of its kind at a time, in the thread of the upload. It ends with this.
#[derive(Debug)]
pub(crate) struct Errand<T>(Option<tokio::task::JoinHandle<Result<T, Failure>>>);

impl<T> Default for Errand<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Drop for Errand<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl<T: 'static> Errand<T> {
    pub(crate) fn is_free(&self) -> bool {
        self.0.is_none()
    }

    /// Begins; whoever calls has seen that it is free.
    pub(crate) fn begin(&mut self, task: impl Future<Output = Result<T, Failure>> + 'static) {
        self.0 = Some(tokio::task::spawn_local(task));
    }

    /// What came of it, if it has ended.
    pub(crate) async fn ended(&mut self) -> Option<Result<T, Failure>> {
        if self.0.as_ref()?.is_finished() { self.end().await } else { None }
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> Option<Result<T, Failure>> {
        let ended = self.0.take()?.await;
        Some(
            ended.unwrap_or_else(|e| {
                Err(Failure::Settings(format!("an upload ended in an unexpected way: {e}")))
            }),
        )
    }
}
