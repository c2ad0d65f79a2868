//! Reads when an X.509 certificate expires, and nothing else of it: a strict walk
//! over DER (ITU-T X.690) to one field (RFC 5280 §4.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity (`notAfter`); `None` where it is not one,
/// or says it in no way that RFC 5280 §4.1.2.5 allows, or lies before 1970.
pub(super) fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let mut outer = Reader(certificate);
    let mut certificate = Reader(outer.value(SEQUENCE)?);
    let mut signed = Reader(certificate.value(SEQUENCE)?);
    if signed.peek() == Some(VERSION) {
        signed.value(VERSION)?;
    }
    signed.value(INTEGER)?; // serial number
    signed.value(SEQUENCE)?; // signature algorithm
    signed.value(SEQUENCE)?; // issuer
    let mut validity = Reader(signed.value(SEQUENCE)?);
    validity.next()?; // not before
    let (tag, text) = validity.next()?;
    time(tag, text)
}

/// Elements, one behind the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The content of the next element, which has to have this tag.
    fn value(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, value) = self.next()?;
        (tag == wanted).then_some(value)
    }

    /// The next element: its tag, of one octet, and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>()?;
        // Tags of several octets do not come up before the validity.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&[a], rest) = rest.split_first_chunk::<1>()?;
                // DER has one form for each length: the shortest.
                (usize::from(a), (a >= 0x80).then_some(rest)?)
            }
            0x82 => {
                let (&[a, b], rest) = rest.split_first_chunk::<2>()?;
                (
                    usize::from(u16::from_be_bytes([a, b])),
                    (a > 0).then_some(rest)?,
                )
            }
            0x83 => {
                let (&[a, b, c], rest) = rest.split_first_chunk::<3>()?;
                let length = u32::from_be_bytes([0, a, b, c]);
                (usize::try_from(length).ok()?, (a > 0).then_some(rest)?)
            }
            // No certificate has 16 MiB.
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }
}

/// `YYMMDDHHMMSSZ`, where 50 is 1950 and 49 is 2049, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<SystemTime> {
    let (year, rest) = match (tag, text.len()) {
        (UTC_TIME, 13) => {
            let (year, rest) = number(text, 2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 15) => number(text, 4)?,
        _ => return None,
    };
    let (month, rest) = number(rest, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (hour, rest) = number(rest, 2)?;
    let (minute, rest) = number(rest, 2)?;
    let (second, rest) = number(rest, 2)?;
    let is_one = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && rest == b"Z";
    if !is_one {
        return None;
    }
    let days = days_before(year) + (1..month).map(|m| days_of(year, m)).sum::<u64>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The first digits as a number, and what follows them.
fn number(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let value = number.iter().try_fold(0, |value: u64, octet| {
        octet
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(octet - b'0'))
    })?;
    Some((value, rest))
}

/// The days from 1970-01-01 to the first of a year, which is no earlier one.
fn days_before(year: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

fn days_of(year: u64, month: u64) -> u64 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::rfc3339;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut out = vec![tag];
        match length {
            0..0x80 => out.push(u8::try_from(length).unwrap()),
            0x80..0x100 => out.extend([0x81, u8::try_from(length).unwrap()]),
            _ => {
                out.push(0x82);
                out.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
        }
        out.extend(content);
        out
    }

    /// A certificate as far as the walk goes, with things of some size before.
    fn certificate(tag: u8, not_after: &[u8], version: bool) -> Vec<u8> {
        let mut signed = Vec::new();
        if version {
            signed.extend(element(VERSION, &element(INTEGER, &[2])));
        }
        signed.extend(element(INTEGER, &[7; 20]));
        signed.extend(element(SEQUENCE, &[5, 0]));
        signed.extend(element(SEQUENCE, &[0; 300]));
        let before = element(UTC_TIME, b"250101000000Z");
        let validity = [before, element(tag, not_after)].concat();
        signed.extend(element(SEQUENCE, &validity));
        signed.extend(element(SEQUENCE, &[0; 150]));
        let signed = element(SEQUENCE, &signed);
        element(SEQUENCE, &signed)
    }

    #[test]
    fn dates() {
        for (tag, text, expected) in [
            (UTC_TIME, "260203040506Z", Some("2026-02-03T04:05:06Z")),
            (UTC_TIME, "491231235959Z", Some("2049-12-31T23:59:59Z")),
            (UTC_TIME, "700101000000Z", Some("1970-01-01T00:00:00Z")),
            (UTC_TIME, "240229000000Z", Some("2024-02-29T00:00:00Z")),
            (UTC_TIME, "250229000000Z", None),
            (UTC_TIME, "500101000000Z", None),
            (UTC_TIME, "261301000000Z", None),
            (UTC_TIME, "260100000000Z", None),
            (UTC_TIME, "260001000000Z", None),
            (UTC_TIME, "260101240000Z", None),
            (UTC_TIME, "260101006000Z", None),
            (UTC_TIME, "260101000060Z", None),
            (UTC_TIME, "26010100000+Z", None),
            (UTC_TIME, "260101000000+0000", None),
            (UTC_TIME, "2601010000Z", None),
            (UTC_TIME, "2601010000000", None),
            (
                GENERALIZED_TIME,
                "20500101000000Z",
                Some("2050-01-01T00:00:00Z"),
            ),
            (
                GENERALIZED_TIME,
                "21000228235959Z",
                Some("2100-02-28T23:59:59Z"),
            ),
            (GENERALIZED_TIME, "21000229000000Z", None),
            (
                GENERALIZED_TIME,
                "99991231235959Z",
                Some("9999-12-31T23:59:59Z"),
            ),
            (GENERALIZED_TIME, "19691231235959Z", None),
            (GENERALIZED_TIME, "00000101000000Z", None),
            (GENERALIZED_TIME, "20260101000000.5Z", None),
            (GENERALIZED_TIME, "260101000000Z", None),
            (INTEGER, "260203040506Z", None),
        ] {
            for version in [true, false] {
                let found = not_after(&certificate(tag, text.as_bytes(), version));
                assert_eq!(found.map(rfc3339).as_deref(), expected, "{text}");
            }
        }
    }

    #[test]
    fn a_real_certificate() {
        for year in [2030, 2049, 2050, 4000] {
            let mut params =
                rcgen::CertificateParams::new(["openpgpkey.example.org".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 7, 31);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let found = not_after(certificate.der()).map(rfc3339);
            assert_eq!(found, Some(format!("{year}-07-31T00:00:00Z")));
        }
    }

    #[test]
    fn cut_off_or_changed_it_is_none_and_never_a_panic() {
        let whole = certificate(UTC_TIME, b"260203040506Z", true);
        for length in 0..whole.len() {
            // The outer lengths say more than there is.
            assert_eq!(not_after(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            for octet in [0, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[at] = octet;
                not_after(&changed);
            }
        }
    }

    #[test]
    fn lengths_have_one_form() {
        let long = |header: &[u8]| [header, &[0; 3]].concat();
        for (header, fits) in [
            (&[0x04, 0x03][..], true),
            (&[0x04, 0x81, 0x03], false),
            (&[0x04, 0x82, 0x00, 0x03], false),
            (&[0x04, 0x83, 0x00, 0x00, 0x03], false),
            (&[0x04, 0x84, 0x00, 0x00, 0x00, 0x03], false),
            (&[0x04, 0x80], false),
            (&[0x1f, 0x03], false),
        ] {
            assert_eq!(Reader(&long(header)).next().is_some(), fits, "{header:?}");
        }
        for length in [0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let whole = element(0x04, &vec![0; length]);
            assert_eq!(Reader(&whole).next().unwrap().1.len(), length);
        }
        let large = [&[0x04, 0x83, 0x01, 0x00, 0x00][..], &[0; 0x1_0000]].concat();
        assert_eq!(Reader(&large).next().unwrap().1.len(), 0x1_0000);
    }
}
