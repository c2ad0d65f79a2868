//! Recognises the web pages that servers give instead of a 404.

/// Whether a body starts like HTML.
pub(crate) fn looks_like_one(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Some(rest) = body.trim_ascii_start().strip_prefix(b"<") else {
        return false;
    };
    [
        "!doctype html",
        "html",
        "head",
        "body",
        "title",
        "script",
        "meta",
        "!--",
        "?xml",
    ]
    .iter()
    .any(|start| {
        rest.get(..start.len())
            .is_some_and(|rest| rest.eq_ignore_ascii_case(start.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_others() {
        for (body, expected) in [
            ("<!DOCTYPE HTML><p>", true),
            ("\u{feff}\r\n <html lang=en>", true),
            ("<?xml version=\"1.0\"?><html/>", true),
            ("<!-- x --><html>", true),
            ("<", false),
            ("<alice@example.org>", false),
            ("404 not found", false),
            ("", false),
        ] {
            assert_eq!(looks_like_one(body.as_bytes()), expected, "{body}");
        }
    }
}
