//! Looks after the files that the server was made of.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::tenants::Tenants;
use super::tls::Tls;
use super::web::say;

/// How often: a few system calls a file.
const EVERY: Duration = Duration::from_secs(1);

/// Reads again what changes, for ever.
pub(crate) async fn watch(tenants: Tenants, tls: Option<Arc<Tls>>) {
    let tenants = Arc::new(Mutex::new(tenants));
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (tenants, tls) = (Arc::clone(&tenants), tls.clone());
        let look = move || {
            if let Some(tls) = tls {
                tls.refresh();
            }
            let mut tenants = tenants.lock().unwrap_or_else(PoisonError::into_inner);
            tenants.refresh();
        };
        if tokio::task::spawn_blocking(look).await.is_err() {
            say("a file could not be read; what is served stays as it was");
        }
    }
}
