//! What is read, how much of it at once, and what is refused.

use std::io::{self, Read, Seek, SeekFrom};

use sequoia_openpgp::serialize::stream::Encryptor;

use super::*;
use crate::ErrorKind;

async fn refused(file: Vec<u8>) -> String {
    let error = verify(&Fake::with([]))
        .message(Cursor::new(file))
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Message);
    error.to_string()
}

fn sample() -> (Cert, Vec<u8>) {
    let cert = alice();
    let signature = signed(Form::Inline, &mut subkey(&cert), 500);
    (cert, Form::Inline.file(&[signature], TEXT))
}

#[tokio::test]
async fn what_is_no_signed_message() {
    let (_, file) = sample();
    let mut unsigned = Vec::new();
    let mut literal = Literal::new(DataFormat::Binary);
    literal.set_body(TEXT.into());
    Packet::from(literal)
        .serialize(&mut unsigned)
        .expect("memory");
    let mut encrypted = Vec::new();
    let message = Message::new(&mut encrypted);
    let mut message = Encryptor::with_passwords(message, ["secret"])
        .build()
        .expect("encrypts");
    message.write_all(&file).expect("memory");
    message.finalize().expect("memory");
    let twice = [&file[..], &file[..]].concat();
    let public = alice().to_vec().expect("memory");
    for (file, why) in [
        (Vec::new(), "no signed message"),
        (b"Hello".to_vec(), "no signed message"),
        (unsigned, "not signed"),
        (encrypted.clone(), "encrypted"),
        (armored(&encrypted, Kind::Message).into_bytes(), "encrypted"),
        (file[..file.len() - 1].to_vec(), "malformed"),
        (file[..30].to_vec(), ""),
        (twice, "more than one"),
        (public, "no Public-Key"),
        (compressed(&file, 9), "more than 8"),
        (b"\xff\x00\x01\x02\x03\x04".to_vec(), ""),
    ] {
        let said = refused(file).await;
        assert!(said.contains(why), "{said}, not {why}");
    }
}

#[tokio::test]
async fn forms_of_writing() {
    let (cert, file) = sample();
    let armor = armored(&file, Kind::Message);
    let around = format!("Here it is:\n\n{armor}\n-- \nMallory\n");
    for file in [
        file.clone(),
        armor.clone().into_bytes(),
        armor.replace('\n', "\r\n").into_bytes(),
        around.into_bytes(),
        compressed(&file, 8),
        armored(&compressed(&file, 1), Kind::Message).into_bytes(),
    ] {
        let source = Fake::with([cert.clone()]);
        // Behind something else in the same file.
        let mut input = Cursor::new([b"header", &file[..]].concat());
        input.set_position(6);
        let mut verification = verify(&source).message(input).await.expect("signed");
        assert!(verification.is_good(), "{verification:?}");
        for _ in 0..2 {
            let mut out = Vec::new();
            let count = verification.write_content(&mut out).expect("good");
            assert_eq!((&out[..], count), (TEXT.as_bytes(), TEXT.len() as u64));
        }
    }
}

#[tokio::test]
async fn old_style_and_nested_signatures() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    let signature = signed(Form::Inline, &mut subkey(&cert), 500);
    let packet = Packet::from(signature.clone()).to_vec().expect("memory");
    let mut literal = Literal::new(DataFormat::Binary);
    literal.set_body(TEXT.into());
    let text = Packet::from(literal).to_vec().expect("memory");
    let old = [&packet[..], &text].concat();
    let verification = Form::Inline.verify(verify(&source), old, TEXT).await;
    assert!(verification.is_good(), "{verification:?}");

    // A signature over a signed message is not one over its text.
    let nested = [packet, inline(&[signature], TEXT)].concat();
    let verification = Form::Inline.verify(verify(&source), nested, TEXT).await;
    assert!(!verification.is_good());
    let [outer, inner] = verification.signatures() else {
        panic!("{verification:?}");
    };
    assert!(inner.is_good());
    assert_eq!(outer.outcome(), crate::verify::VerdictOutcome::Failed);
}

#[tokio::test]
async fn more_than_may_come_out_of_compression() {
    let (cert, file) = sample();
    let source = Fake::with([cert]);
    let one = file.len() as u64;
    let two = one + compressed(&file, 1).len() as u64;
    for (layers, limit, passes) in [
        (0, 0, true),
        (1, one, true),
        (1, one - 1, false),
        (2, two, true),
        (2, two - 1, false),
    ] {
        let verification = verify(&source)
            .max_decompressed(limit)
            .message(Cursor::new(compressed(&file, layers)))
            .await;
        match verification {
            Ok(verification) => assert!(passes && verification.is_good(), "{layers} {limit}"),
            Err(error) => {
                assert!(!passes, "{layers} {limit}: {error}");
                assert!(error.to_string().contains("compression"), "{error}");
            }
        }
    }
}

/// Each layer is a parser in a parser, whatever comes out of it.
#[tokio::test]
async fn layers_of_compression_are_counted() {
    let (cert, file) = sample();
    let source = Fake::with([cert]);
    for (most, layers, passes) in [
        (None, 8, true),
        (None, 9, false),
        (Some(0), 0, true),
        (Some(0), 1, false),
        (Some(2), 2, true),
        (Some(2), 3, false),
        // No caller can have more than 64.
        (Some(255), 65, false),
    ] {
        let verify = verify(&source);
        let verify = match most {
            Some(most) => verify.max_nesting(most),
            None => verify,
        };
        let verification = verify.message(Cursor::new(compressed(&file, layers))).await;
        match verification {
            Ok(verification) => assert!(passes && verification.is_good(), "{most:?} {layers}"),
            Err(error) => {
                assert!(!passes, "{most:?} {layers}: {error}");
                assert!(error.to_string().contains("times over"), "{error}");
            }
        }
    }
}

/// Deflate without end, of which nothing comes out.
#[tokio::test]
async fn a_layer_that_never_gives_anything() {
    // An empty stored block, over and over, in a packet of zlib's raw deflate.
    let mut inner = vec![0xa3, 1];
    inner.extend([0, 0, 0, 0xff, 0xff].repeat(4 << 20));
    let bomb = compressed(&inner, 1);
    assert!(bomb.len() < 200_000);
    let error = verify(&Fake::with([]))
        .max_decompressed(1 << 20)
        .message(Cursor::new(bomb))
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("1048576 octets"), "{error}");
}

#[tokio::test]
async fn detached_signatures() {
    let cert = alice();
    let source = Fake::with([cert.clone()]);
    let signature = signed(Form::Detached, &mut subkey(&cert), 500);
    let file = Form::Detached.file(&[signature], "");
    let block = armored(&file, Kind::Signature);
    for (file, count) in [
        (file.clone(), 1),
        (file.repeat(3), 3),
        (block.clone().into_bytes(), 1),
        (format!("one:\n{block}\ntwo:\n{block}").into_bytes(), 2),
    ] {
        let verification = Form::Detached.verify(verify(&source), file, TEXT).await;
        assert!(verification.is_good(), "{verification:?}");
        assert_eq!(verification.signatures().len(), count);
    }
    let (_, message) = sample();
    let cleartext = Form::Cleartext.file(&[], TEXT);
    for (file, why) in [
        (Vec::new(), "no signature"),
        (b"hello\n".to_vec(), "no signature"),
        (message, "holds no"),
        (cleartext, "with its text"),
        (block.as_bytes()[..100].to_vec(), "armor is broken"),
        (file[..file.len() - 3].to_vec(), "malformed"),
        (vec![b'x'; (1 << 20) + 1], "1 MiB"),
    ] {
        let text = Cursor::new(TEXT);
        let error = verify(&source)
            .detached(Cursor::new(file), text)
            .await
            .expect_err("refused");
        assert!(error.to_string().contains(why), "{error}, not {why}");
    }
}

#[tokio::test]
async fn no_octets_are_a_panic() {
    let (cert, file) = sample();
    let source = Fake::with([cert.clone()]);
    let forms: Vec<_> = Form::ALL
        .iter()
        .map(|form| {
            let signature = signed(*form, &mut subkey(&cert), 500);
            (*form, form.file(&[signature], TEXT))
        })
        .chain([
            (Form::Inline, armored(&file, Kind::Message).into_bytes()),
            (Form::Compressed, compressed(&file, 3)),
        ])
        .collect();
    for (form, file) in forms {
        for at in 0..file.len() {
            let mut broken = file.clone();
            broken[at] ^= [1, 0x80, 0xff, 0x10][at % 4];
            for file in [broken, file[..at].to_vec()] {
                let result = match form {
                    Form::Detached => {
                        let text = Cursor::new(TEXT);
                        verify(&source).detached(Cursor::new(file), text).await
                    }
                    _ => verify(&source).message(Cursor::new(file)).await,
                };
                let Ok(mut verification) = result else {
                    continue;
                };
                let mut out = Vec::new();
                if verification.write_content(&mut out).is_ok() {
                    assert_eq!(String::from_utf8_lossy(&out), form.content(TEXT));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_is_noticed() {
    /// Shared with somebody who writes.
    struct Shared(Arc<Mutex<Vec<u8>>>, u64);
    impl Read for Shared {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let data = self.0.lock().expect("no panic");
            let mut cursor = Cursor::new(&data[..]);
            cursor.set_position(self.1);
            let count = cursor.read(buf)?;
            self.1 = cursor.position();
            Ok(count)
        }
    }
    impl Seek for Shared {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            let data = self.0.lock().expect("no panic");
            let mut cursor = Cursor::new(&data[..]);
            cursor.set_position(self.1);
            self.1 = cursor.seek(to)?;
            Ok(self.1)
        }
    }
    let (cert, file) = sample();
    let file = Arc::new(Mutex::new(file));
    let source = Fake::with([cert]);
    let verification = verify(&source).message(Shared(file.clone(), 0)).await;
    let mut verification = verification.expect("signed");
    assert!(verification.is_good());
    {
        let mut file = file.lock().expect("no panic");
        let at = file.windows(3).position(|w| w == b"Bob").expect("there");
        file[at] = b'R';
    }
    let mut out = Vec::new();
    let error = verification.write_content(&mut out).expect_err("changed");
    assert!(error.to_string().contains("has changed"), "{error}");
    assert!(out.is_empty(), "nothing that was not signed");
}

/// A message whose text is made while it is read.
#[derive(Clone)]
struct Generated {
    head: Vec<u8>,
    tail: Vec<u8>,
    length: u64,
    at: u64,
    largest: Arc<Mutex<usize>>,
}

impl Generated {
    fn octet(at: u64) -> u8 {
        (at % 251) as u8
    }
}

impl Read for Generated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut largest = self.largest.lock().expect("no panic");
        *largest = buf.len().max(*largest);
        let head = self.head.len() as u64;
        let (from, to) = match self.at {
            at if at < head => (0, head),
            at if at < head + self.length => (head, head + self.length),
            _ => (
                head + self.length,
                head + self.length + self.tail.len() as u64,
            ),
        };
        let count = buf.len().min(usize::try_from(to - self.at).expect("fits"));
        for (i, octet) in buf[..count].iter_mut().enumerate() {
            let at = self.at - from + i as u64;
            let place = usize::try_from(at).expect("fits");
            *octet = match from {
                from if from == head => Self::octet(at),
                0 => self.head[place],
                _ => self.tail[place],
            };
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Generated {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(_) => return Err(io::Error::other("endless")),
        };
        Ok(self.at)
    }
}

#[tokio::test]
async fn a_large_message_is_never_held() {
    // A power of two, less what stands before the text in its packet.
    let power = if cfg!(debug_assertions) { 22 } else { 26 };
    let length: u64 = (1 << power) - 6;
    let cert = alice();
    let mut text = Generated {
        head: Vec::new(),
        tail: Vec::new(),
        length,
        at: 0,
        largest: Arc::default(),
    };
    let mut context = HashAlgorithm::SHA256
        .context()
        .expect("SHA-256")
        .for_signature(4);
    io::copy(&mut text, &mut context).expect("memory");
    let signature = Form::Inline
        .template()
        .set_hash_algo(HashAlgorithm::SHA256)
        .sign_hash(&mut subkey(&cert), context)
        .expect("signs");
    let mut announced = OnePassSig::try_from(&signature).expect("announces");
    if let OnePassSig::V3(announced) = &mut announced {
        announced.set_last(true);
    }
    struct Count(u64);
    impl Write for Count {
        fn write(&mut self, part: &[u8]) -> io::Result<usize> {
            for (i, octet) in part.iter().enumerate() {
                assert_eq!(*octet, Generated::octet(self.0 + i as u64));
            }
            self.0 += part.len() as u64;
            Ok(part.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let announced = Packet::from(announced).to_vec().expect("memory");
    let signature = Packet::from(signature).to_vec().expect("memory");
    let size = u32::try_from(length + 6).expect("fits");
    let whole = [&[0xcb, 0xff][..], &size.to_be_bytes()].concat();
    // In one huge part, with an empty one behind it.
    let parts = vec![0xcb, 224 + power];
    for (size, end) in [(whole, &[][..]), (parts, &[0])] {
        let largest = Arc::default();
        let message = Generated {
            head: [&announced[..], &size, b"b\0\0\0\0\0"].concat(),
            tail: [end, &signature].concat(),
            length,
            at: 0,
            largest: Arc::clone(&largest),
        };
        let source = Fake::with([cert.clone()]);
        let mut verification = verify(&source).message(message).await.expect("signed");
        assert!(verification.is_good(), "{verification:?}");
        let mut out = Count(0);
        let count = verification.write_content(&mut out).expect("good");
        assert_eq!((out.0, count), (length, length));
        let largest = *largest.lock().expect("no panic");
        assert!(largest <= 1 << 20, "{largest} octets at once");
    }
}
