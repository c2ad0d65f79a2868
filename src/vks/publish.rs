//! What is sent of a certificate when it is published.

use sequoia_openpgp::Cert;
use sequoia_openpgp::armor;
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::serialize::Marshal;

use crate::{EmailAddress, Error, ErrorKind};

/// The certificate in ASCII armor, reduced to what its owner wants published:
/// no secret keys, the User IDs of these addresses alone, no User Attributes,
/// nothing by others but revocations, nothing that is marked as local.
///
/// # Errors
///
/// [`ErrorKind::Config`] where no User ID that can be published names one of the
/// addresses.
pub(super) fn keytext(cert: &Cert, addresses: &[EmailAddress]) -> Result<String, Error> {
    // The types of the packets below say the same; this takes the octets away.
    let cert = cert.clone().strip_secret_key_material();
    let mut packets = Vec::new();

    let primary = cert.primary_key();
    packets.push(Packet::from(primary.key().clone()));
    packets.extend(published(
        primary
            .self_revocations()
            .chain(primary.other_revocations())
            .chain(primary.self_signatures()),
    ));

    let mut missing: Vec<&EmailAddress> = addresses.iter().collect();
    for user_id in cert.userids() {
        let Some(named) = EmailAddress::of_user_id(user_id.userid().value()) else {
            continue;
        };
        let bindings = published(user_id.self_signatures());
        if bindings.is_empty() || !addresses.iter().any(|address| address.matches(&named)) {
            continue;
        }
        missing.retain(|address| !address.matches(&named));
        packets.push(Packet::from(user_id.userid().clone()));
        packets.extend(published(user_id.self_revocations()));
        packets.extend(bindings);
    }
    if !missing.is_empty() {
        let why = match missing.len() {
            1 => "the certificate has no User ID of one of the addresses".to_owned(),
            n => format!("the certificate has no User ID of {n} of the addresses"),
        };
        return Err(Error::new(ErrorKind::Config, why));
    }

    for subkey in cert.keys().subkeys() {
        let bindings = published(subkey.self_signatures());
        if bindings.is_empty() {
            continue;
        }
        packets.push(Packet::from(subkey.key().clone()));
        packets.extend(published(
            subkey.self_revocations().chain(subkey.other_revocations()),
        ));
        packets.extend(bindings);
    }
    armored(&packets).map_err(|error| {
        Error::new(ErrorKind::Config, "the certificate cannot be written").with_source(error)
    })
}

fn armored(packets: &[Packet]) -> sequoia_openpgp::Result<String> {
    let mut writer = armor::Writer::new(Vec::new(), armor::Kind::PublicKey)?;
    for packet in packets {
        packet.export(&mut writer)?;
    }
    Ok(String::from_utf8(writer.finalize()?)?)
}

/// Those that may leave the owner's machine.
fn published<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Vec<Packet> {
    signatures
        .filter(|signature| signature.exportable().is_ok())
        .cloned()
        .map(Packet::from)
        .collect()
}
