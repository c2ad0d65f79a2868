//! Publishing of which one operation breaks.

use openpgp_discovery::vks::{AddressStatus, Upload};
use openpgp_discovery::{Error, ErrorKind};
use testbed::{Testbed, certs};

use super::{Broken, Seams, walk};
use crate::alice;

/// An upload, and the request of a confirmation mail with the token that came.
#[tokio::test]
async fn upload_and_confirmation() {
    let testbed = Testbed::start().await;
    let cert = certs::cert(&["Alice <alice@example.org>"]).cert;
    let call = async |seams: &Seams| {
        let locator = seams.locator(&testbed).build().expect("builds");
        let vks = locator.vks().expect("a key server");
        let addresses = [alice()];
        let upload = vks.upload(&cert, &addresses).await?;
        vks.request_verify(upload.token(), &addresses, &[]).await
    };
    walk(call, judge).await;
    assert!(!testbed.vks().mails().is_empty());
}

fn judge(calm: &Result<Upload, Error>, broken: &Broken<Result<Upload, Error>>) {
    let status = |upload: &Upload| upload.status_of(&alice());
    let calm = calm.as_ref().expect("taken");
    assert_eq!(status(calm), Some(AddressStatus::Pending));
    match &broken.result {
        Ok(upload) => {
            assert!(!broken.is_failure(), "{broken:?}");
            // Of one damaged answer the other says less, never more.
            assert_ne!(status(upload), Some(AddressStatus::Published));
        }
        Err(error) => {
            assert!(!broken.is_harmless(), "{broken:?}");
            assert_ne!(error.kind(), ErrorKind::Config, "{broken:?}");
        }
    }
}
