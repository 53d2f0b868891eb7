//! A small W&B server for tests: it keeps what it is sent, answers what a client needs in order to go on, and
//! notes everything that the protocol does not allow.
//!
//! ```
//! use ups_track_tests::server::Server;
//!
//! let server = Server::start();
//! // … point a client at `server.url()` with the key `server::API_KEY`, let it upload …
//! assert_eq!(server.violations(), []);
//! assert!(server.runs().is_empty());
//! ```

mod connections;
mod console;
mod faults;
mod files;
mod filestream;
mod filters;
mod graphql;
mod oidc;
mod reading;
mod received;
mod state;
mod storm;
mod watch;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{post, put};
use axum::{Router, middleware};
use tokio::sync::oneshot;

use connections::{Connections, Counting};

pub use console::ConsoleLine;
pub use faults::{Fault, Place};
pub use filters::matches;
pub use received::Received;
pub use state::{Alert, MetricDefinition, Request, Run, RunKey, Stream, Violation};
pub use storm::Storm;

/// The entity of a client that names none.
pub const DEFAULT_ENTITY: &str = "test-entity";

/// The project of a client that names none.
pub const DEFAULT_PROJECT: &str = "uncategorized";

/// The one API key that the server accepts.
pub const API_KEY: &str = "ups_track_test_server_key_0123456789abcd";

/// The `Authorization` header that [`API_KEY`] makes: HTTP Basic with the user `api`.
const AUTHORIZATION: &str = "Basic YXBpOnVwc190cmFja190ZXN0X3NlcnZlcl9rZXlfMDEyMzQ1Njc4OWFiY2Q=";

/// A running server. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Server {
    url: String,
    shared: Shared,
    connections: Arc<Connections>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Panics
    ///
    /// If the machine gives no port, thread or event loop: a test cannot go on without its server.
    #[expect(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub fn start() -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("no free port on the loopback interface");
        listener.set_nonblocking(true).expect("the listener cannot be polled");
        let address = listener.local_addr().expect("the listener has no address");
        let url = format!("http://{address}");
        let shared = Shared::new(&url);
        let router = router(shared.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("no event loop");
        let (stop, stopped) = oneshot::channel();
        let connections = Arc::<Connections>::default();
        let counted = Arc::clone(&connections);
        let thread = std::thread::Builder::new()
            .name(format!("wandb-server-{}", address.port()))
            .spawn(move || serve(&runtime, listener, counted, router, stopped))
            .expect("no thread for the server");
        Self { url, shared, connections, stop: Some(stop), thread: Some(thread) }
    }

    /// How many connections there were at the same time, at most, and how many there were in all.
    pub fn connections(&self) -> (usize, usize) {
        let Connections { most, all, .. } = &*self.connections;
        (most.load(Ordering::Relaxed), all.load(Ordering::Relaxed))
    }

    /// The address that clients know as the base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next `times` requests to a place meet a fault. Faults of one place come one after the other.
    pub fn fail(&self, place: Place, fault: &Fault, times: usize) {
        let mut state = self.shared.lock();
        state.faults.extend(std::iter::repeat_n((place, fault.clone()), times));
    }

    /// Asks a run to stop, as the button on its page does.
    pub fn ask_to_stop(&self, key: &RunKey) {
        if let Some(run) = self.shared.lock().runs.get_mut(key) {
            run.stop_asked = true;
        }
    }

    /// A person edits a run on its page.
    pub fn edit(&self, key: &RunKey, edit: impl FnOnce(&mut Run)) {
        if let Some(run) = self.shared.lock().runs.get_mut(key) {
            edit(run);
        }
    }

    /// From here on, everybody meets this fault, until it is called with none: the server is down, for example.
    pub fn fail_always(&self, fault: Option<Fault>) {
        self.shared.lock().always = fault;
    }

    /// From here on, requests meet the faults of a storm, or with none good weather. Gives the storm that ends.
    pub fn weather(&self, storm: Option<Storm>) -> Option<Storm> {
        std::mem::replace(&mut self.shared.lock().storm, storm)
    }

    /// Lets the requests go on that are held, and those that come.
    pub fn release(&self) {
        self.shared.lock().released = true;
    }

    /// Forgets the faults that nobody has met.
    pub fn recover(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many faults nobody has met yet.
    pub fn faults_left(&self) -> usize {
        self.shared.lock().faults.len()
    }

    /// Switches features on, by the names that clients are told, such as `FILESTREAM_GZIP`.
    pub fn enable(&self, features: &[&str]) {
        self.shared.lock().features.extend(features.iter().map(|&feature| feature.to_owned()));
    }

    /// Clients know the server by another address: something stands in between.
    pub fn set_public_url(&self, url: &str) {
        url.clone_into(&mut self.shared.lock().base_url);
    }

    /// Gives access tokens for an identity token. Only the last one is good, and it ends after so many seconds.
    pub fn trust(&self, token: &str, expires_in: u64) {
        let token = token.to_owned();
        self.shared.lock().identity = Some(oidc::Identity { token, expires_in, issued: 0, current: None });
    }

    /// Forgets the access token that was good.
    pub fn forget_token(&self) {
        if let Some(identity) = &mut self.shared.lock().identity {
            identity.current = None;
        }
    }

    /// How many access tokens the server has given.
    pub fn tokens(&self) -> usize {
        self.shared.lock().identity.as_ref().map_or(0, |identity| identity.issued)
    }

    /// Every request so far with all its bytes, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// The run as it is now, if the server knows it.
    pub fn run(&self, key: &RunKey) -> Option<Run> {
        self.shared.lock().runs.get(key).cloned()
    }

    /// The run as soon as it is as it should be.
    ///
    /// # Panics
    ///
    /// If it is not within a minute, which is far more than anything here needs.
    #[track_caller]
    pub fn run_when(&self, key: &RunKey, is_so: impl Fn(&Run) -> bool) -> Run {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let run = self.run(key);
            if let Some(run) = run.as_ref().filter(|run| is_so(run)) {
                return run.clone();
            }
            assert!(Instant::now() < end, "not within a minute; the server has {run:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// All runs as they are now, in the order of their keys.
    pub fn runs(&self) -> Vec<Run> {
        self.shared.lock().runs.values().cloned().collect()
    }

    /// Puts a run on the server, as if a client had uploaded it now.
    pub fn insert(&self, mut run: Run) {
        let mut state = self.shared.lock();
        let (number, now) = (state.runs.len() + 1, state.now());
        run.storage_id = format!("run-{number}");
        run.created_at.clone_from(&now);
        run.heartbeat_at = now;
        state.runs.insert(run.key().clone(), run);
    }

    /// What clients did that the protocol does not allow, in the order in which it happened.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.lock().violations.clone()
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the thread is gone already.
            let _: Result<(), ()> = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic in the server's thread has been printed by the thread itself.
            drop(thread.join());
        }
    }
}

/// The server's thread: serves until it is told to stop, or the [`Server`] is gone.
fn serve(
    runtime: &tokio::runtime::Runtime,
    listener: TcpListener,
    connections: Arc<Connections>,
    router: Router,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                let listener = Counting { listener, connections };
                drop(tokio::spawn(async move { axum::serve(listener, router).await }));
                drop(stopped.await);
            }
            Err(error) => eprintln!("test server: the listener cannot be served: {error}"),
        }
    });
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/graphql", post(graphql::answer))
        .route("/files/{entity}/{project}/{run}/file_stream", post(filestream::receive))
        .route("/storage/{ticket}", put(files::receive).get(files::give))
        .route("/oidc/token", post(oidc::exchange))
        // The client's measurements of itself: accepted, not kept.
        .route("/sdk/otel/v1/metrics", post(accept))
        .fallback(refuse)
        .method_not_allowed_fallback(refuse)
        .layer(middleware::from_fn_with_state(shared.clone(), faults::inject))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

async fn accept(State(shared): State<Shared>, method: Method, uri: Uri) -> StatusCode {
    shared.lock().note_request(&method, &uri, None);
    StatusCode::OK
}

async fn refuse(State(shared): State<Shared>, method: Method, uri: Uri) -> Response {
    let mut state = shared.lock();
    state.note_request(&method, &uri, None);
    state.violations.push(Violation::UnknownPath { method: method.to_string(), path: uri.path().to_owned() });
    (StatusCode::NOT_FOUND, "no such path").into_response()
}

/// The state, shared by the request handlers and the [`Server`].
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<state::State>>);

impl Shared {
    fn new(url: &str) -> Self {
        Self(Arc::new(Mutex::new(state::State::new(url))))
    }

    fn lock(&self) -> MutexGuard<'_, state::State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a missing or wrong key; an error is the answer to the client.
fn check_key(state: &mut state::State, headers: &HeaderMap, path: &str) -> Result<(), StatusCode> {
    let path = path.to_owned();
    let Some(sent) = headers.get(header::AUTHORIZATION) else {
        state.violations.push(Violation::NoKey { path });
        return Err(StatusCode::UNAUTHORIZED);
    };
    let token = state.identity.as_ref().and_then(|identity| identity.current.as_ref());
    if sent == AUTHORIZATION || token.is_some_and(|token| *sent == *format!("Bearer {token}")) {
        return Ok(());
    }
    state.violations.push(Violation::WrongKey { path });
    Err(StatusCode::UNAUTHORIZED)
}
