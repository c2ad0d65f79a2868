//! What happens where something breaks: each operation at the seams to DNS and
//! HTTP in its turn, in each way, and the walk over all await points.
//!
//! Everything goes over the testbed's real sockets. Delays cost no time: while an
//! operation hangs, the clock is made to jump.

mod cancel;
mod lookups;
mod publishing;
mod refreshes;
mod seams;
mod signers;

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use openpgp_discovery::openpgp::parse::Parse;
use openpgp_discovery::openpgp::serialize::SerializeInto;
use openpgp_discovery::openpgp::{Cert, Packet, PacketPile};
use openpgp_discovery::{CertStatus, RevocationKind};
use tokio::time::{Instant, timeout};

use seams::{Break, Harm, Seams};
pub(crate) use signers::{TEXT, signed};

/// The locators' own.
const DEADLINE: Duration = Duration::from_secs(20);

/// What one broken operation made of a call.
struct Broken<T> {
    how: Break,
    harm: Harm,
    /// The operation was made again, and that one was not broken.
    is_repeated: bool,
    /// During which step it was.
    step: usize,
    what: String,
    /// The body that was damaged, as it came out.
    damaged: Option<Bytes>,
    result: T,
}

impl<T> Broken<T> {
    /// Whether the call had to do without what the operation would have brought.
    fn is_failure(&self) -> bool {
        self.harm == Harm::Failure && !self.is_repeated
    }

    fn is_harmless(&self) -> bool {
        self.harm == Harm::None || (self.harm == Harm::Failure && self.is_repeated)
    }

    /// Whether a revocation was altered so that it verifies no longer, in an answer
    /// that is whole in all else. Forged ones look the same: they are dropped, or
    /// anybody could spoil anybody's certificate. Who can alter an answer inside
    /// of TLS can leave the revocation out as well.
    fn is_revocation_altered(&self, cert: &Cert) -> bool {
        let (Break::Flip(_), Some(body)) = (self.how, &self.damaged) else {
            return false;
        };
        let packets: Vec<_> = match PacketPile::from_bytes(body) {
            Ok(pile) => pile.into_children().map(octets).collect(),
            Err(_) => return false,
        };
        let mut revocations = cert.primary_key().self_revocations();
        revocations.any(|revocation| !packets.contains(&octets(revocation.clone().into())))
    }
}

impl<T: Debug> Debug for Broken<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { how, harm, .. } = self;
        let (what, result) = (&self.what, &self.result);
        write!(f, "{what}: {how:?} ({harm:?}): {result:#?}")
    }
}

/// Calls this once in peace, and then once for each operation and each way to
/// break it; hands every broken one to `judge`, with the one in peace.
async fn walk<T>(call: impl AsyncFn(&Seams) -> T, judge: impl Fn(&T, &Broken<T>)) {
    let seams = Seams::default();
    let calm = call(&seams).await;
    let mut broken = 0;
    for how in Break::ALL {
        // A broken operation can lead to more of them than there are in peace,
        // each of which is broken too, alone.
        for n in 0.. {
            let seams = Seams::breaking(Some((n, how)));
            let begin = Instant::now();
            let result = timeout(DEADLINE * 2, call(&seams)).await;
            let result = result.unwrap_or_else(|_| panic!("{how:?} of operation {n}: no end"));
            let elapsed = begin.elapsed();
            seams.resume();
            let ops = seams.ops();
            let Some(op) = ops.get(n) else { break };
            assert_eq!(seams.pending(), 0, "{op:?} {how:?}: something goes on");
            let Some(harm) = seams.harm() else { continue };
            assert!(
                elapsed < DEADLINE + Duration::from_millis(500),
                "{op:?} {how:?}: {elapsed:?}"
            );
            broken += 1;
            let behind = &ops[n + 1..];
            judge(
                &calm,
                &Broken {
                    how,
                    harm,
                    is_repeated: behind.iter().any(|other| other.what == op.what),
                    step: op.step,
                    what: op.what.clone(),
                    damaged: seams.damaged(),
                    result,
                },
            );
        }
    }
    assert!(broken > 10, "only {broken} operations could be broken");
}

/// How strictly a status is to be taken.
fn strictness(status: &CertStatus) -> u8 {
    match status {
        CertStatus::Valid => 0,
        CertStatus::Revoked(revocation) if revocation.kind() == RevocationKind::Hard => 3,
        CertStatus::Revoked(_) => 2,
        _ => 1,
    }
}

fn packets(cert: &Cert) -> Vec<Vec<u8>> {
    let packets = cert.clone().into_packets();
    packets.map(octets).collect()
}

fn octets(packet: Packet) -> Vec<u8> {
    packet.to_vec().expect("octets")
}

/// Nothing in a certificate that was not in one of these of its fingerprint.
fn assert_part_of(cert: &Cert, all: &[&Cert], told: &dyn Debug) {
    let same = all
        .iter()
        .filter(|known| known.fingerprint() == cert.fingerprint());
    let known: Vec<_> = same.flat_map(|known| packets(known)).collect();
    for packet in packets(cert) {
        assert!(known.contains(&packet), "from nowhere: {told:?}");
    }
}
