//! What a certificate costs that was built to cost much: 1 MiB of User IDs, of
//! signatures by others, of subkeys, of notations, of forgeries, and what reaches
//! the limits of the filter. Processor time of one run, beside sequoia's split into
//! raw packets and its parse, which verifies nothing.
//!
//! sequoia remembers in the whole process which signatures are good. So each run
//! gets a body of its own, and only what is bad may be the same in two.
//!
//! ```text
//! cargo bench -p openpgp-discovery-benches --bench worst
//! ```

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use openpgp_discovery::filter::{Filter, Filtered};
use openpgp_discovery::openpgp::crypto::{Signer, mpi};
use openpgp_discovery::{EmailAddress, Limits};
use openpgp_discovery_benches::is_quick;
use sequoia_openpgp::cert::raw::RawCertParser;
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::key::{
    Key4, PrimaryRole, PublicParts, SecretParts, SubordinateRole, UnspecifiedRole,
};
use sequoia_openpgp::packet::prelude::*;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::NotationDataFlags;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::types::{
    Curve, HashAlgorithm, KeyFlags, PublicKeyAlgorithm, ReasonForRevocation, SignatureType,
};
use sequoia_openpgp::{Cert, Fingerprint, KeyHandle, Result};

const MIB: usize = 1 << 20;
const ALICE: &str = "Alice <alice@example.org>";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Primary = Key<PublicParts, PrimaryRole>;

fn main() -> Result<()> {
    // A run of the tests only asks whether this works at all.
    let quick = is_quick();
    let bench = Bench {
        quick,
        runs: if quick { 1 } else { 3 },
        size: if quick { 16 << 10 } else { MIB - 4096 },
    };
    println!(
        "{:>44} {:>8} {:>10} {:>10} {:>10}  outcome",
        "in ms of processor time:", "KiB", "raw split", "parse", "filter"
    );
    let elliptic = Owner::elliptic()?;
    bench.shapes("Ed25519", &elliptic)?;
    if !quick {
        bench.shapes("RSA-4096", &Owner::rsa(4096)?)?;
    }
    bench.forgeries()?;
    Ok(())
}

struct Bench {
    quick: bool,
    runs: usize,
    size: usize,
}

impl Bench {
    fn shapes(&self, name: &str, owner: &Owner) -> Result<()> {
        let many = if self.quick { 4 } else { usize::MAX };
        self.show(&format!("{name}: User IDs of others, unsigned"), |_| {
            owner.padded(self.size, |n, _| {
                Ok(octets(UserID::from(format!("u{n} <u{n}@example.org>"))))
            })
        })?;
        self.show(&format!("{name}: User IDs of Alice, 64 signed"), |run| {
            owner.user_ids(64.min(many), owner.affordable(40), run)
        })?;
        self.show(
            &format!("{name}: User IDs of others, 16 signed often"),
            |run| owner.others(16.min(many), owner.affordable(100), run),
        )?;
        self.show(&format!("{name}: signatures by others"), |_| {
            let mut stranger = Forger::of(owner.signer.public());
            owner.padded(self.size, |n, key| {
                let id = UserID::from(ALICE);
                let signature = stamped(n, SignatureType::GenericCertification)?
                    .set_issuer_fingerprint(fingerprint(n))?
                    .sign_userid_binding(&mut stranger, Some(key), &id)?;
                Ok(octets(signature))
            })
        })?;
        self.show(&format!("{name}: revocations by others"), |_| {
            let mut stranger = Forger::of(owner.signer.public());
            owner.padded(self.size, |n, key| {
                let signature = stamped(n, SignatureType::KeyRevocation)?
                    .set_issuer_fingerprint(fingerprint(n))?
                    .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")?
                    .sign_direct_key(&mut stranger, Some(key))?;
                Ok(octets(signature))
            })
        })?;
        self.show(&format!("{name}: subkeys, unsigned"), |_| {
            owner.padded(self.size, |n, _| Ok(octets(unknown_subkey(n, 32)?)))
        })?;
        self.show(&format!("{name}: subkeys that sign, 256"), |run| {
            owner.subkeys(256.min(many), owner.affordable(256), run)
        })?;
        self.show(&format!("{name}: subkeys of 15 KiB, signed often"), |run| {
            owner.large_subkeys(18.min(many), owner.affordable(1000), run)
        })?;
        self.show(&format!("{name}: notations, large"), |run| {
            owner.notations(8.min(many), 59 << 10, run)
        })?;
        self.show(&format!("{name}: notations, small"), |run| {
            owner.notations(8.min(many), 1, run)
        })?;
        self.show(&format!("{name}: a User ID of 480 KiB"), |run| {
            owner.large_user_id(if self.quick { 1000 } else { 480 << 10 }, run)
        })?;
        self.show(&format!("{name}: revocations, good and soft"), |run| {
            owner.revocations(60.min(many), owner.affordable(1000), run)
        })?;
        // Answers about a key, of which all is verified, have a larger budget.
        let handle = KeyHandle::from(owner.key.fingerprint());
        self.measure(
            &format!("{name}: by key: revocations"),
            |run| owner.revocations(60.min(many), owner.affordable(3000), 1000 + run),
            |filter, body| filter.apply_to_key(body, &handle),
        )
    }

    /// Signatures that name the primary key, with the right first octets of the digest.
    fn forgeries(&self) -> Result<()> {
        let mut keys = vec![
            ("Ed25519", public(Curve::Ed25519)?),
            ("P-256", public(Curve::NistP256)?),
        ];
        keys.extend([
            ("P-521", public(Curve::NistP521)?),
            ("RSA-2048", rsa(2048)?),
        ]);
        keys.extend([("RSA-4096", rsa(4096)?), ("DSA-3072", dsa(3072)?)]);
        for (name, key) in keys {
            let mut forger = Forger::of(&key.clone().role_into_unspecified());
            let body = self.forged(&key, &mut forger)?;
            self.show(&format!("{name}: forgeries, then User IDs"), |_| {
                Ok(body.clone())
            })?;
        }
        // The budget is one for all of an answer.
        let mut bodies = Vec::new();
        for _ in 0..16 {
            let key = rsa(4096)?;
            let mut forger = Forger::of(&key.clone().role_into_unspecified());
            let size = self.size / 16;
            bodies.extend(Self { size, ..*self }.forged(&key, &mut forger)?);
        }
        self.show("RSA-4096: forgeries, 16 certificates", |_| {
            Ok(bodies.clone())
        })
    }

    fn forged(&self, key: &Primary, forger: &mut Forger) -> Result<Vec<u8>> {
        let mut body = octets(key.clone());
        // More than half a MiB of what matters is refused unseen.
        'full: for n in 0.. {
            let id = UserID::from(format!("A{n} <alice@example.org>"));
            body.extend(octets(id.clone()));
            // So many that no component has too many.
            for m in 0..100 {
                let signature = stamped(n * 100 + m, SignatureType::PositiveCertification)?
                    .sign_userid_binding(forger, Some(key), &id)?;
                body.extend(octets(signature));
                if body.len() > (self.size / 2).saturating_sub(2048) {
                    break 'full;
                }
            }
        }
        for n in 0.. {
            let id = octets(UserID::from(format!("u{n} <u{n}@example.org>")));
            if body.len() + id.len() > self.size {
                break;
            }
            body.extend(id);
        }
        Ok(body)
    }

    fn show(&self, name: &str, body: impl FnMut(usize) -> Result<Vec<u8>>) -> Result<()> {
        let address: EmailAddress = "alice@example.org".parse()?;
        self.measure(name, body, |filter, body| filter.apply(body, &address))
    }

    fn measure(
        &self,
        name: &str,
        mut body: impl FnMut(usize) -> Result<Vec<u8>>,
        apply: impl Fn(&Filter, &[u8]) -> Filtered,
    ) -> Result<()> {
        let mut fastest = [f64::MAX; 3];
        let (mut size, mut outcome) = (0, String::new());
        for run in 0..self.runs {
            let body = body(run)?;
            size = body.len();
            let mut limits = Limits::default();
            // What the header walk alone costs is shown by another bench.
            limits.body = limits.body.max(size);
            let filter = Filter::new().limits(limits);
            let (filtered, time) = cpu(|| apply(&filter, &body));
            outcome = tell(&filtered);
            let (_, split) = cpu(|| {
                RawCertParser::from_bytes(&body).map(|certs| certs.filter(|c| c.is_ok()).count())
            });
            let (_, parse) = cpu(|| Cert::from_bytes(&body));
            for (fastest, time) in fastest.iter_mut().zip([split, parse, time]) {
                *fastest = fastest.min(time);
            }
        }
        let [split, parse, filter] = fastest;
        let kib = size / 1024;
        println!("{name:>44} {kib:>8} {split:>10.2} {parse:>10.2} {filter:>10.2}  {outcome}");
        Ok(())
    }
}

fn tell(filtered: &Filtered) -> String {
    match (filtered.kept(), filtered.rejected()) {
        ([kept], []) => format!("kept, {}", kept.status()),
        (kept, rejected) => {
            let reasons = rejected
                .iter()
                .take(1)
                .map(|r| format!("{:?} ({})", r.reason(), r.detail()));
            format!("{} kept; {}", kept.len(), reasons.collect::<String>())
        }
    }
}

/// Who owns a certificate and can sign.
struct Owner {
    key: Primary,
    signer: KeyPair,
    is_slow: bool,
}

impl Owner {
    fn elliptic() -> Result<Self> {
        Self::new(Key4::generate_ecc(true, Curve::Ed25519)?, false)
    }

    fn rsa(bits: usize) -> Result<Self> {
        Self::new(Key4::generate_rsa(bits)?, true)
    }

    fn new(mut key: Key4<SecretParts, PrimaryRole>, is_slow: bool) -> Result<Self> {
        key.set_creation_time(SystemTime::now() - 365 * DAY)?;
        let key = Key::from(key);
        Ok(Self {
            key: key.parts_as_public().clone(),
            signer: key.role_into_unspecified().into_keypair()?,
            is_slow,
        })
    }

    /// How many good signatures to make: with RSA they are slow to make, and the
    /// filter's budget ends before.
    fn affordable(&self, count: usize) -> usize {
        if self.is_slow { count.min(80) } else { count }
    }

    fn bind(&self, id: &UserID, n: usize) -> Result<Vec<u8>> {
        Ok(octets(
            stamped(n, SignatureType::PositiveCertification)?
                .set_key_flags(KeyFlags::empty().set_certification())?
                .sign_userid_binding(&mut self.signer.clone(), Some(&self.key), id)?,
        ))
    }

    /// The key, and Alice's User ID, bound.
    fn base(&self) -> Result<Vec<u8>> {
        let id = UserID::from(ALICE);
        let binding = self.bind(&id, 0)?;
        Ok([octets(self.key.clone()), octets(id), binding].concat())
    }

    /// The base, and packets up to a size.
    fn padded(
        &self,
        size: usize,
        mut packet: impl FnMut(usize, &Primary) -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        let mut body = self.base()?;
        for n in 0.. {
            let packet = packet(n, &self.key)?;
            if body.len() + packet.len() > size {
                break;
            }
            body.extend(packet);
        }
        Ok(body)
    }

    fn user_ids(&self, count: usize, each: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = octets(self.key.clone());
        for n in 0..count {
            let id = UserID::from(format!("{run}.{n} <alice@example.org>"));
            body.extend(octets(id.clone()));
            for m in 0..each {
                body.extend(self.bind(&id, m)?);
            }
            if self.is_slow && n >= 80 / each {
                break;
            }
        }
        Ok(body)
    }

    fn others(&self, count: usize, each: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = self.base()?;
        for n in 0..count {
            let id = UserID::from(format!("{run}.{n} <bob@example.org>"));
            body.extend(octets(id.clone()));
            for m in 0..each {
                // Such as have expired end no search.
                let binding = stamped(m, SignatureType::PositiveCertification)?
                    .set_signature_validity_period(Duration::from_secs(60))?
                    .sign_userid_binding(&mut self.signer.clone(), Some(&self.key), &id)?;
                body.extend(octets(binding));
            }
            if self.is_slow {
                break;
            }
        }
        Ok(body)
    }

    fn subkeys(&self, count: usize, signed: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = self.base()?;
        for n in 0..count {
            let mut subkey: Key4<SecretParts, SubordinateRole> =
                Key4::generate_ecc(true, Curve::Ed25519)?;
            subkey.set_creation_time(SystemTime::now() - 365 * DAY)?;
            let subkey = Key::from(subkey);
            let public = subkey.parts_as_public().clone();
            body.extend(octets(public.clone()));
            if n >= signed {
                continue;
            }
            let mut pair = subkey.role_into_unspecified().into_keypair()?;
            let back = SignatureBuilder::new(SignatureType::PrimaryKeyBinding)
                .set_signature_creation_time(SystemTime::now() - DAY)?
                .sign_primary_key_binding(&mut pair, &self.key, &public)?;
            let binding = stamped(run, SignatureType::SubkeyBinding)?
                .set_key_flags(KeyFlags::empty().set_signing())?
                .set_embedded_signature(back)?
                .sign_subkey_binding(&mut self.signer.clone(), Some(&self.key), &public)?;
            body.extend(octets(binding));
        }
        Ok(body)
    }

    fn large_subkeys(&self, count: usize, signatures: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = self.base()?;
        for n in 0..count {
            let subkey = unknown_subkey(n, 15 << 10)?;
            body.extend(octets(subkey.clone()));
            for m in 0..signatures / count {
                let revocation = stamped(run * 1000 + m, SignatureType::SubkeyRevocation)?
                    .sign_subkey_binding(&mut self.signer.clone(), Some(&self.key), &subkey)?;
                body.extend(octets(revocation));
            }
        }
        Ok(body)
    }

    fn notations(&self, count: usize, octets_each: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = octets(self.key.clone());
        for n in 0..count {
            let id = UserID::from(format!("{run}.{n} <alice@example.org>"));
            let mut builder = stamped(n, SignatureType::PositiveCertification)?;
            let value = vec![b'x'; octets_each];
            let mut room: usize = 60 << 10;
            while let Some(left) = room.checked_sub(octets_each + 14) {
                room = left;
                let flags = NotationDataFlags::empty();
                builder = builder.add_notation("n@e.x", &value, flags, false)?;
                if self.is_quick(builder.hashed_area().iter().count()) {
                    break;
                }
            }
            let binding =
                builder.sign_userid_binding(&mut self.signer.clone(), Some(&self.key), &id)?;
            body.extend(octets(id));
            body.extend(octets(binding));
        }
        Ok(body)
    }

    fn is_quick(&self, count: usize) -> bool {
        count > 4_000
    }

    /// Wrong signatures, each of which has all of the User ID hashed.
    fn large_user_id(&self, size: usize, run: usize) -> Result<Vec<u8>> {
        let id = UserID::from(format!("{run}{} <alice@example.org>", "x".repeat(size)));
        let mut body = octets(self.key.clone());
        body.extend(octets(id));
        let wrong = UserID::from("somebody else");
        let mut forger = Forger::of(self.signer.public());
        for n in 0..32 {
            let signature = stamped(n, SignatureType::PositiveCertification)?
                .set_hash_algo(HashAlgorithm::SHA1)
                .sign_userid_binding(&mut forger, Some(&self.key), &wrong)?;
            body.extend(octets(signature));
        }
        Ok(body)
    }

    /// Soft revocations, which newer bindings lift, on many User IDs.
    fn revocations(&self, count: usize, signatures: usize, run: usize) -> Result<Vec<u8>> {
        let mut body = octets(self.key.clone());
        for n in 0..count {
            let id = UserID::from(format!("{run}.{n} <alice@example.org>"));
            body.extend(octets(id.clone()));
            for m in 1..=signatures.div_ceil(count) {
                let revocation = stamped(m, SignatureType::CertificationRevocation)?
                    .sign_userid_binding(&mut self.signer.clone(), Some(&self.key), &id)?;
                body.extend(octets(revocation));
            }
            body.extend(self.bind(&id, 0)?);
        }
        Ok(body)
    }
}

/// Signs what looks good up to the arithmetic.
struct Forger {
    key: Key<PublicParts, UnspecifiedRole>,
    count: u32,
}

impl Forger {
    fn of(key: &Key<PublicParts, UnspecifiedRole>) -> Self {
        Self {
            key: key.clone(),
            count: 0,
        }
    }
}

impl Signer for Forger {
    fn public(&self) -> &Key<PublicParts, UnspecifiedRole> {
        &self.key
    }

    fn sign(&mut self, _: HashAlgorithm, _: &[u8]) -> Result<mpi::Signature> {
        self.count += 1;
        let number = |octets: usize| {
            let mut number = vec![0x5a; octets];
            number[1..5].copy_from_slice(&self.count.to_be_bytes());
            mpi::MPI::new(&number)
        };
        let (r, s) = match self.key.mpis() {
            mpi::PublicKey::RSA { n, .. } => {
                let s = number(n.value().len());
                return Ok(mpi::Signature::RSA { s });
            }
            mpi::PublicKey::DSA { q, .. } => (number(q.value().len()), number(q.value().len())),
            mpi::PublicKey::ECDSA { curve, .. } => {
                let octets = curve.bits().unwrap_or(256) / 8;
                return Ok(mpi::Signature::ECDSA {
                    r: number(octets),
                    s: number(octets),
                });
            }
            // A point that is one, and a small number.
            _ => {
                let mut point = [0x66; 32];
                point[0] = 0x58;
                let mut s = number(32).value().to_vec();
                s[31] = 1;
                return Ok(mpi::Signature::EdDSA {
                    r: mpi::MPI::new(&point),
                    s: mpi::MPI::new(&s),
                });
            }
        };
        Ok(mpi::Signature::DSA { r, s })
    }
}

/// A signature to be, made at a time of its own.
fn stamped(n: usize, typ: SignatureType) -> Result<SignatureBuilder> {
    let ago = Duration::from_secs(u64::try_from(n)? * 60);
    SignatureBuilder::new(typ).set_signature_creation_time(SystemTime::now() - DAY - ago)
}

fn fingerprint(n: usize) -> Fingerprint {
    let mut octets = [0x11; 20];
    octets[..8].copy_from_slice(&n.to_be_bytes());
    Fingerprint::from_bytes(4, &octets).expect("20 octets")
}

fn unknown_subkey(n: usize, octets: usize) -> Result<Key<PublicParts, SubordinateRole>> {
    let mut rest = vec![0x77; octets];
    rest[..8].copy_from_slice(&n.to_be_bytes());
    let mpis = mpi::PublicKey::Unknown {
        mpis: Vec::new().into(),
        rest: rest.into(),
    };
    let made = SystemTime::UNIX_EPOCH;
    Ok(Key4::new(made, PublicKeyAlgorithm::Private(100), mpis)?.into())
}

fn public(curve: Curve) -> Result<Primary> {
    let mut key: Key4<SecretParts, PrimaryRole> = Key4::generate_ecc(true, curve)?;
    key.set_creation_time(SystemTime::UNIX_EPOCH)?;
    Ok(Key::from(key).parts_as_public().clone())
}

/// Nobody knows its factors.
fn rsa(bits: usize) -> Result<Primary> {
    let mut n = vec![0xb7; bits / 8];
    sequoia_openpgp::crypto::random(&mut n[1..])?;
    let last = n.len() - 1;
    n[last] |= 1;
    Ok(Key4::import_public_rsa(&[1, 0, 1], &n, SystemTime::UNIX_EPOCH)?.into())
}

fn dsa(bits: usize) -> Result<Primary> {
    let number = |octets: usize, first: u8| {
        let mut number = vec![first; octets];
        number[octets - 1] |= 1;
        mpi::MPI::new(&number)
    };
    let mpis = mpi::PublicKey::DSA {
        p: number(bits / 8, 0xf1),
        q: number(32, 0xe1),
        g: number(bits / 8, 0x51),
        y: number(bits / 8, 0x61),
    };
    #[expect(deprecated, reason = "old certificates have it")]
    let algorithm = PublicKeyAlgorithm::DSA;
    Ok(Key4::new(SystemTime::UNIX_EPOCH, algorithm, mpis)?.into())
}

fn octets(packet: impl Into<Packet>) -> Vec<u8> {
    packet.into().to_vec().expect("a packet in memory")
}

/// What this thread took of the processor, in milliseconds; on a busy machine the
/// clock on the wall tells something else. Where the system does not say, that clock.
fn cpu<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let begin = (Instant::now(), nanoseconds());
    let result = black_box(run());
    let time = match (begin.1, nanoseconds()) {
        (Some(begin), Some(end)) => (end - begin) / 1e6,
        _ => begin.0.elapsed().as_secs_f64() * 1e3,
    };
    (result, time)
}

fn nanoseconds() -> Option<f64> {
    // The scheduler counts when it has its turn.
    std::thread::yield_now();
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    times.split(' ').next()?.parse().ok()
}
