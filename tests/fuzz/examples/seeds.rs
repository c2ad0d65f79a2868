//! Makes the pool of certificates and messages, and the corpus, anew. What it made
//! before is overwritten; what a fuzzer found stays, and may mean something else.
//! With `corpus` behind it, the corpus alone.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fuzz::pool::{self, CONTENTS};
use openpgp_discovery::filter::{RawPacket, packets};
use openpgp_discovery::openpgp::armor::Kind;
use openpgp_discovery::openpgp::cert::{
    CertBuilder, CertRevocationBuilder, CipherSuite, KeyBuilder,
};
use openpgp_discovery::openpgp::crypto::KeyPair;
use openpgp_discovery::openpgp::packet::signature::SignatureBuilder;
use openpgp_discovery::openpgp::packet::{Signature, UserAttribute, user_attribute};
use openpgp_discovery::openpgp::policy::StandardPolicy;
use openpgp_discovery::openpgp::serialize::stream::{
    Armorer, Compressor, LiteralWriter, Message, Signer,
};
use openpgp_discovery::openpgp::serialize::{Serialize as _, SerializeInto as _};
use openpgp_discovery::openpgp::types::{
    CompressionAlgorithm, KeyFlags, ReasonForRevocation, RevocationKey, SignatureType,
};
use openpgp_discovery::openpgp::{Cert, Packet, Profile};
use testbed::certs::{
    Recipe, certified, expiring, revocation, subkey, with_revocation, with_subkey_revoked,
    with_user_id, with_user_id_revoked, without_user_ids,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const ALICE: &str = "Alice <alice@example.org>";
const ELSEWHERE: &str = "Alice <alice@example.net>";
const BOB: &str = "Bob <bob@example.org>";

fn main() -> Result<()> {
    let root = pool::directory();
    let folder = root.join("pool");
    for part in ["certs", "signatures", "messages"] {
        fs::create_dir_all(folder.join(part))?;
    }
    if std::env::args().nth(1).as_deref() != Some("corpus") {
        make_pool(&folder)?;
    }
    make_corpus(&root.join("corpus"))
}

/// So many days before the time that everything is judged for.
fn ago(days: u64) -> SystemTime {
    pool::now() - Duration::from_secs(days * 24 * 3600)
}

fn make_pool(folder: &Path) -> Result<()> {
    let put = |name: &str, cert: &Cert| {
        fs::write(folder.join("certs").join(name), cert.to_vec()?).map_err(Box::<dyn Error>::from)
    };
    let loose = |name: &str, signature: &Signature| -> Result<()> {
        let mut octets = Vec::new();
        Packet::from(signature.clone()).serialize(&mut octets)?;
        Ok(fs::write(folder.join("signatures").join(name), octets)?)
    };

    // One certificate through its life.
    let alice = Recipe::new(&[ALICE, ELSEWHERE])
        .created(ago(300))
        .make()
        .cert;
    put("alice-0", &alice)?;
    let bob = Recipe::new(&[BOB, ALICE]).created(ago(200)).make();
    let soft = with_revocation(&alice, ReasonForRevocation::KeyRetired, ago(200));
    put("alice-1-retired", &soft)?;
    let lifted = with_user_id(&soft, ALICE, ago(150));
    put("alice-2-lifted", &lifted)?;
    let gone = subkey(&lifted, false);
    let news = with_subkey_revoked(&lifted, &gone, ReasonForRevocation::KeyRetired, ago(140));
    let news = with_subkey(&news, ago(135))?;
    let news = with_user_id_revoked(&news, ELSEWHERE, ago(130));
    let news = expiring(
        &news,
        Some(ago(0) + Duration::from_secs(365 * 24 * 3600)),
        ago(120),
    );
    put("alice-3-news", &news)?;
    put("alice-4-certified", &certified(&news, &bob))?;
    put("alice-5-without-user-ids", &without_user_ids(&news))?;
    let hard = revocation(&alice, ReasonForRevocation::KeyCompromised, ago(100));
    loose("alice.hard", &hard)?;
    let soft = revocation(&alice, ReasonForRevocation::KeySuperseded, ago(50));
    loose("alice.soft", &soft)?;

    // Others for the same address.
    put("bob", &bob.cert)?;
    loose("bob.hard", &bob.revocation)?;
    let by_bob = CertRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")?
        .set_signature_creation_time(ago(90))?
        .build(&mut primary(&bob.cert), &alice, None)?;
    loose("alice-by-bob.other", &by_bob)?;
    let old = Recipe::new(&[ALICE])
        .created(ago(900))
        .valid_for(Duration::from_secs(300 * 24 * 3600));
    put("expired", &old.make().cert)?;
    put(
        "hard",
        &with_revocation(
            &Recipe::new(&[ALICE]).created(ago(80)).make().cert,
            ReasonForRevocation::KeyCompromised,
            ago(70),
        ),
    )?;
    let look_alikes = [
        "alice@example.org <mallory@example.com>",
        "Alice (alice@example.org) <mallory@example.com>",
        "<alice@example.org> <mallory@example.com>",
        "\u{430}lice@example.org",
        "alice@example.org.",
        "mallory@example.com",
    ];
    put(
        "mallory",
        &Recipe::new(&look_alikes).created(ago(60)).make().cert,
    )?;
    let later = pool::now() + Duration::from_secs(40 * 24 * 3600);
    put("not-yet", &Recipe::new(&[ALICE]).created(later).make().cert)?;

    // Other algorithms and versions.
    let made = |suite, profile, user_id: &str| -> Result<(Cert, Signature)> {
        Ok(CertBuilder::new()
            .set_profile(profile)?
            .set_cipher_suite(suite)
            .set_creation_time(ago(100))
            .set_validity_period(Duration::from_secs(1000 * 24 * 3600))
            .add_userid(user_id)
            .add_signing_subkey()
            .add_transport_encryption_subkey()
            .generate()?)
    };
    let (v6, v6_hard) = made(CipherSuite::Cv25519, Profile::RFC9580, ALICE)?;
    put("v6", &v6)?;
    loose("v6.hard", &v6_hard)?;
    let (p256, p256_hard) = made(CipherSuite::P256, Profile::RFC4880, ALICE)?;
    put("p256", &p256)?;
    loose("p256.hard", &p256_hard)?;
    let (rsa, rsa_hard) = made(CipherSuite::RSA2k, Profile::RFC4880, BOB)?;
    put("rsa", &rsa)?;
    loose("rsa.hard", &rsa_hard)?;

    // Bob may revoke Carol.
    let by_bob = RevocationKey::new(
        bob.cert.primary_key().key().pk_algo(),
        bob.cert.fingerprint(),
        false,
    );
    let (carol, _) = CertBuilder::new()
        .set_creation_time(ago(100))
        .add_userid(ALICE)
        .add_transport_encryption_subkey()
        .set_revocation_keys(vec![by_bob])
        .generate()?;
    put("carol", &carol)?;
    let by_bob = CertRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"by Bob")?
        .set_signature_creation_time(ago(90))?
        .build(&mut primary(&bob.cert), &carol, None)?;
    loose("carol-by-bob.other", &by_bob)?;

    // What must never come out.
    let image = user_attribute::Subpacket::Image(user_attribute::Image::JPEG(vec![1, 2, 3].into()));
    let attribute = UserAttribute::new(&[image])?;
    let dave = Recipe::new(&[ALICE, "Dave <dave@example.org>"])
        .created(ago(100))
        .make();
    let builder = SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_signature_creation_time(ago(99))?;
    let binding = attribute.bind(&mut primary(&dave.cert), &dave.cert, builder)?;
    let (with_picture, _) = dave
        .cert
        .clone()
        .insert_packets([Packet::from(attribute), Packet::from(binding)])?;
    put("picture", &with_picture)?;
    fs::write(folder.join("certs/secret"), dave.secret())?;

    make_messages(
        &folder.join("messages"),
        &[("alice", &alice), ("bob", &bob.cert), ("rsa", &rsa)],
    )
}

/// The certificate with another subkey for encryption.
fn with_subkey(cert: &Cert, at: SystemTime) -> Result<Cert> {
    let policy = StandardPolicy::new();
    let builder = KeyBuilder::new(KeyFlags::empty().set_transport_encryption())
        .set_cipher_suite(CipherSuite::Cv25519)
        .set_creation_time(at)
        .subkey(cert.with_policy(&policy, at)?)?
        .set_signature_creation_time(at)?
        .set_primary_key_signer(primary(cert));
    Ok(builder.attach_cert()?)
}

fn primary(cert: &Cert) -> KeyPair {
    let key = cert.primary_key().key().clone();
    let key = key.parts_into_secret().expect("its secret keys");
    key.into_keypair().expect("no password")
}

/// The key that signs messages.
fn signing(cert: &Cert) -> KeyPair {
    let policy = StandardPolicy::new();
    let keys = cert
        .keys()
        .with_policy(&policy, ago(50))
        .for_signing()
        .secret();
    let key = keys.last().expect("a subkey that signs").key().clone();
    key.into_keypair().expect("no password")
}

fn make_messages(folder: &Path, signers: &[(&str, &Cert)]) -> Result<()> {
    let cert_of = |name: &str| {
        let found = signers.iter().find(|(signer, _)| *signer == name);
        found.expect("a signer").1
    };
    for (content, octets, by) in CONTENTS {
        let put = |form: &str, message: Vec<u8>| {
            fs::write(folder.join(format!("{content}.{form}")), message)
        };
        let certs: Vec<&Cert> = by.iter().map(|name| cert_of(name)).collect();
        let binary = SignatureType::Binary;
        put("inline", sign(&certs, binary, None, octets)?)?;
        put(
            "inline-text",
            sign(&certs, SignatureType::Text, None, octets)?,
        )?;
        for (form, algorithm) in [
            ("zip", CompressionAlgorithm::Zip),
            ("zlib", CompressionAlgorithm::Zlib),
            ("bzip2", CompressionAlgorithm::BZip2),
        ] {
            put(form, sign(&certs[..1], binary, Some(algorithm), octets)?)?;
        }
        let separate = |form| separate(certs[0], form, octets);
        put("detached", separate(Form::Detached)?)?;
        put("detached-text", separate(Form::DetachedText)?)?;
        put("cleartext", separate(Form::Cleartext)?)?;
    }
    Ok(())
}

/// A signature that does not wrap its content in a packet.
#[derive(Clone, Copy)]
enum Form {
    Detached,
    DetachedText,
    Cleartext,
}

fn separate(by: &Cert, form: Form, content: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut message = Message::new(&mut out);
    let kind = match form {
        Form::Detached => SignatureType::Binary,
        Form::DetachedText | Form::Cleartext => SignatureType::Text,
    };
    if let Form::DetachedText = form {
        message = Armorer::new(message).kind(Kind::Signature).build()?;
    }
    let signer = Signer::with_template(message, signing(by), SignatureBuilder::new(kind))?;
    let signer = signer.creation_time(ago(50));
    let mut message = match form {
        Form::Detached | Form::DetachedText => signer.detached().build()?,
        Form::Cleartext => signer.cleartext().build()?,
    };
    message.write_all(content)?;
    message.finalize()?;
    Ok(out)
}

fn sign(
    by: &[&Cert],
    kind: SignatureType,
    compress: Option<CompressionAlgorithm>,
    content: &[u8],
) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut message = Message::new(&mut out);
    if let Some(algorithm) = compress {
        message = Compressor::new(message).algo(algorithm).build()?;
    }
    let mut signer = Signer::with_template(message, signing(by[0]), SignatureBuilder::new(kind))?;
    for cert in &by[1..] {
        signer = signer.add_signer(signing(cert))?;
    }
    let message = signer.creation_time(ago(50)).build()?;
    let mut message = LiteralWriter::new(message).build()?;
    message.write_all(content)?;
    message.finalize()?;
    Ok(out)
}

/// Revocations of a subkey and of a User ID, moved to the front, behind another
/// component, and to the end.
fn make_strays(put: impl Fn(&str, &str, &[u8]) -> Result<()>) -> Result<()> {
    let news = fs::read(pool::directory().join("pool/certs/alice-3-news"))?;
    let whole: Vec<_> = packets(&news).collect::<std::result::Result<_, _>>()?;
    let number = |n: usize| u16::try_from(n).expect("a small number").to_be_bytes();
    let certs = &pool::get().certs;
    let place = |name| certs.iter().position(|cert| cert.name == name);
    let cert = place("alice-3-news").expect("in the pool");
    let held = u8::try_from(place("alice-2-lifted").expect("in the pool"))?;
    for (kind, typ, address) in [("subkey", 0x28, 0), ("user-id", 0x30, 3)] {
        let is_it = |p: &RawPacket<'_>| p.tag() == 2 && p.body()[1] == typ;
        let from = whole.iter().position(is_it).expect("one");
        for to in [0, 1, 3, whole.len() - 1] {
            let moved = [&[1][..], &number(cert), &[9], &number(from), &number(to)].concat();
            let name = format!("stray-{kind}-{to:02}");
            put("filter", &name, &[&[address, 0, 0, 0][..], &moved].concat())?;
            let key = u8::try_from(cert)?;
            put("by_key", &name, &[&[0, key, 0, 0][..], &moved].concat())?;
            put("vks_merge", &name, &[&[0, held, 0][..], &moved].concat())?;
        }
    }
    Ok(())
}

fn make_corpus(folder: &Path) -> Result<()> {
    let pool = pool::get();
    let put = |target: &str, name: &str, octets: &[u8]| -> Result<()> {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), octets)?)
    };
    let number = |n: usize| u16::try_from(n).expect("a small number").to_be_bytes();

    for vectors in ["wkd", "dane"] {
        let text =
            fs::read_to_string(pool::directory().join(format!("../vectors/{vectors}.json")))?;
        let vectors_of: serde_json::Value = serde_json::from_str(&text)?;
        for (n, vector) in vectors_of.as_array().expect("a list").iter().enumerate() {
            let address = vector["address"].as_str().expect("an address");
            let name = format!("{vectors}-{n:02}");
            let user_id = format!("A Name <{address}>");
            put(
                "address",
                &name,
                &[
                    &number(address.len()),
                    address.as_bytes(),
                    user_id.as_bytes(),
                ]
                .concat(),
            )?;
            put("url", &name, address.as_bytes())?;
        }
    }

    let pairs = [
        ("alice@example.org", "ALICE@Example.org"),
        ("alice@example.org", "alice@example.net"),
        ("alice@example.org", "\"alice\"@example.org"),
        ("\"al\\ice\"@example.org", "alice@example.org"),
        ("joe@b\u{FC}cher.example", "joe@xn--bcher-kva.example"),
    ];
    for (n, (first, second)) in pairs.iter().enumerate() {
        let octets = [&number(first.len()), first.as_bytes(), second.as_bytes()].concat();
        put("address", &format!("pair-{n}"), &octets)?;
    }

    for (n, cert) in pool.certs.iter().enumerate() {
        let name = &cert.name;
        let octets = fs::read(pool::directory().join("pool/certs").join(name))?;
        let whole = [&[0; 4][..], &[0], &octets].concat();
        // The certificate, each loose signature, and one of the packets that nobody signed.
        let made = |first: &[u8]| {
            [
                first,
                &[1],
                &number(n),
                &[0],
                &number(n + 1),
                &[4, 3],
                &number(2),
            ]
            .concat()
        };
        put("filter", &format!("{name}-whole"), &whole)?;
        put("filter", &format!("{name}-made"), &made(&[0, 0, 0, 0]))?;
        put(
            "by_key",
            &format!("{name}-made"),
            &made(&[0, u8::try_from(n)?, 0, 0]),
        )?;
        put("publish", &format!("{name}-made"), &made(&[6, 0, 0]))?;
        put("armor", &format!("{name}-made"), &made(&[0, 0]))?;
        put("keyring", &format!("{name}-made"), &made(&[0, 0]))?;
        put(
            "vks_merge",
            &format!("{name}-made"),
            &[&[0, u8::try_from(n)?, 0][..], &made(&[])].concat(),
        )?;
    }
    make_strays(put)?;
    let loose = pool::files(&pool::directory().join("pool/signatures"));
    for (name, octets) in &loose {
        let at = pool.number_of(octets).expect("in the pool");
        let program = [
            &[1][..],
            &number(0),
            &[0],
            &number(usize::from(name.len() % 2 == 0)),
            &[1],
            &number(at),
            &number(1),
        ]
        .concat();
        put("filter", name, &[&[0; 4][..], &program].concat())?;
        put("publish", name, &[&[2, 0, 0][..], &program].concat())?;
        put("keyring", name, &[&[3, 5][..], &program].concat())?;
        put("vks_merge", name, &[&[0; 3][..], &program].concat())?;
    }
    // Status, header fields and sort of body, where a redirect leads; the body's
    // program; delay and failure.
    let answer = |status, more, location, cert: usize| {
        let [high, low] = number(cert);
        let body = [0, 3, 1, high, low];
        let body = if more & 2 == 0 { &[][..] } else { &body };
        [&[status, more, location][..], body, &[0, 0]].concat()
    };
    let (found, none, page) = (
        |cert| answer(0, 6, 0, cert),
        answer(2, 4, 0, 0),
        answer(0, 13, 0, 0),
    );
    let redirect = |location| answer(5, 0, location, 0);
    // Options, address, one unused, DNS of four hosts; then the answers.
    let looks = [
        ("advanced", [0; 7], vec![found(0)]),
        ("direct", [0, 0, 0, 3, 0, 0, 0], vec![found(3)]),
        ("vks", [0, 0, 0, 3, 0, 0, 0], vec![none.clone(), found(9)]),
        ("nothing", [0, 0, 0, 3, 3, 0, 0], vec![none.clone()]),
        (
            "too-long-for-advanced",
            [0, 5, 0, 0, 0, 0, 0],
            vec![none.clone()],
        ),
        (
            "lenient",
            [1, 0, 0, 0, 0, 0, 0],
            vec![none.clone(), found(0)],
        ),
        (
            "lenient-undetermined",
            [1, 0, 0, 4, 0, 0, 0],
            vec![found(0)],
        ),
        ("undetermined", [0, 0, 0, 4, 0, 0, 0], vec![none.clone()]),
        ("silent", [0, 0, 0, 6, 0, 0, 0], vec![none.clone()]),
        ("guarded", [0, 0, 0, 1, 0, 0, 0], vec![found(0)]),
        ("mixed", [0, 0, 0, 2, 0, 0, 0], vec![found(0)]),
        ("special-name", [0, 3, 0, 0, 0, 0, 0], vec![found(0)]),
        ("redirect", [0; 7], vec![redirect(0), found(0)]),
        (
            "redirect-inwards",
            [0, 0, 0, 0, 0, 1, 0],
            vec![redirect(0), found(0)],
        ),
        ("redirect-to-vks", [0; 7], vec![redirect(10), none.clone()]),
        ("rejected", [0; 7], vec![found(10), none]),
        ("web-page", [0; 7], vec![page.clone(), page]),
    ];
    for (name, head, answers) in looks {
        put(
            "dns_to_plan",
            name,
            &[&head[..], &answers.concat()].concat(),
        )?;
    }
    for n in 0..pool.messages.len() {
        let name = &pool.messages[n].0;
        put(
            "verify",
            &format!("{name}-whole"),
            &[0, 0, u8::try_from(n)?],
        )?;
        put(
            "verify",
            &format!("{name}-made"),
            &[1, 0, u8::try_from(n)?, 5, 0, 0, 0, 1],
        )?;
    }
    Ok(())
}
