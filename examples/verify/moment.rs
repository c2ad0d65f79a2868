//! A point in time, as people give it: RFC 3339, section 5.6.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::common::calendar::{DAY, days_before, days_of};

/// `2026-01-31T12:00:00Z`, with fractions of a second and other offsets.
pub(crate) fn parse(text: &str) -> Result<SystemTime, String> {
    const WHY: &str = "expected a time as RFC 3339 writes it, from 1970 on: \
                       2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00";
    moment(text).ok_or_else(|| WHY.to_owned())
}

fn moment(text: &str) -> Option<SystemTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        // A leap second.
        && second <= 60;
    if !in_range {
        return None;
    }
    let (fraction, offset) = fraction(rest)?;
    let mut days = days_before(year) + day - 1;
    days += (1..month).map(|month| days_of(year, month)).sum::<u64>();
    let local = days * DAY + hour * 3600 + minute * 60 + second;
    let seconds = local.checked_add_signed(-offset_seconds(offset)?)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds).checked_add(fraction)?)
}

/// Three numbers of so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        *number = digits_of(parts.next()?, digits)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn digits_of(text: &str, digits: usize) -> Option<u64> {
    let are_digits = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    are_digits.then(|| text.parse().ok())?
}

/// A fraction of a second, if there is one, and what stands behind it.
fn fraction(text: &str) -> Option<(Duration, &str)> {
    let Some(rest) = text.strip_prefix('.') else {
        return Some((Duration::ZERO, text));
    };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let fraction: f64 = format!("0.{digits}").parse().ok()?;
    (end > 0).then_some((Duration::try_from_secs_f64(fraction).ok()?, rest))
}

/// How far ahead of UTC.
fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits_of(hours, 2)?, digits_of(minutes, 2)?);
    let in_range = hours < 24 && minutes < 60;
    in_range.then(|| sign * i64::try_from(hours * 3600 + minutes * 60).unwrap_or_default())
}
