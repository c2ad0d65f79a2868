//! News about a certificate that the caller already holds: always from the key
//! server, never from a Web Key Directory.

mod batch;
mod changes;
mod driver;
mod outcome;
mod sentences;
mod snapshot;

pub use outcome::{Change, ChangeKind, Refresh, RefreshOutcome};
