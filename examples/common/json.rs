//! JSON Lines: one object a line, safe to show on a terminal.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;

use super::sanitize::is_hostile;

/// The object as one line, line end included.
///
/// JSON itself escapes only the control characters of ASCII. The others, which a
/// terminal may obey too, can stand nowhere but inside strings, so writing them as
/// `\uXXXX` leaves the value what it was.
pub(crate) fn line(object: &impl Serialize) -> io::Result<String> {
    let json = serde_json::to_string(object)?;
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if is_hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}
