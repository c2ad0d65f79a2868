//! From axum to the library and back, and a line for each request.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use openpgp_discovery::wkd::serve::{self, InMemory};

use super::common::sanitize::clean;

/// How much of a path is logged: the longest one that exists is shorter.
const LOGGED: usize = 400;

struct App {
    directory: Arc<InMemory>,
    verbose: bool,
}

/// The whole of it: one handler for every path.
pub(crate) fn app(directory: Arc<InMemory>, verbose: u8) -> Router {
    let app = App {
        directory,
        verbose: verbose > 0,
    };
    Router::new().fallback(handle).with_state(Arc::new(app))
}

async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let begin = Instant::now();
    let answer = serve::answer(&*app.directory, &serve::Request::from(&request)).await;
    if let Some(error) = &answer.error {
        say(&format!("could not tell: {error}"));
    }
    if app.verbose {
        log(&request, &answer, begin);
    }
    Response::from(answer).map(Body::from)
}

/// The hash is logged, what the client wrote of the address is not.
fn log(request: &Request, answer: &serve::Answer, begin: Instant) {
    let uri = request.uri();
    let host = request
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok());
    say(&format!(
        "{} {} {}: {}, {} octets, {} µs",
        request.method(),
        shortened(uri.host().or(host).unwrap_or("-")),
        shortened(uri.path()),
        answer.status.as_u16(),
        answer.body.len(),
        begin.elapsed().as_micros(),
    ));
}

fn shortened(text: &str) -> &str {
    match text.char_indices().nth(LOGGED) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

/// A line on stderr. Where that has gone the server goes on.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "wkd_server: {}", clean(line));
}
