//! The addresses: arguments, and lines of stdin where `-` stands.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use futures_util::{Stream, stream};
use openpgp_discovery::EmailAddress;
use tokio::sync::mpsc::{self, Receiver, Sender};

/// What could not be looked up.
pub(crate) enum Refused {
    NotAnAddress { text: String, problem: String },
    Unreadable(io::Error),
}

/// How the addresses were typed, the domain's letters among them: that is how they
/// are spoken of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed(Arc<Mutex<HashMap<EmailAddress, String>>>);

impl Typed {
    fn remember(&self, address: &EmailAddress, text: &str) {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts
            .entry(address.clone())
            .or_insert_with(|| text.to_owned());
    }

    /// The text of an address, for the last time.
    pub(crate) fn take(&self, address: &EmailAddress) -> String {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.remove(address).unwrap_or_else(|| address.to_string())
    }
}

/// How many there are, if that can be told beforehand.
pub(crate) fn count(arguments: &[String]) -> Option<u64> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "-") {
        return None;
    }
    u64::try_from(arguments.len()).ok()
}

/// The addresses, and beside them what is none.
///
/// A thread reads, no further ahead than the queues are long. Stdin cannot be read
/// without blocking, and a thread is not waited for when the program ends.
pub(crate) fn read(
    arguments: Vec<String>,
    typed: Typed,
) -> (
    impl Stream<Item = EmailAddress> + Send,
    impl Stream<Item = Refused> + Send,
) {
    let (to_addresses, addresses) = mpsc::channel(64);
    let (to_refused, refused) = mpsc::channel(64);
    let queues = Queues {
        addresses: to_addresses,
        refused: to_refused,
        typed,
    };
    thread::spawn(move || {
        for argument in arguments {
            let open = match argument.as_str() {
                "-" => queues.read_lines(io::stdin().lock()),
                address => queues.offer(address),
            };
            if open.is_none() {
                break;
            }
        }
    });
    (from_queue(addresses), from_queue(refused))
}

fn from_queue<T: Send>(queue: Receiver<T>) -> impl Stream<Item = T> + Send {
    stream::unfold(queue, async |mut queue| {
        queue.recv().await.map(|item| (item, queue))
    })
}

struct Queues {
    addresses: Sender<EmailAddress>,
    refused: Sender<Refused>,
    typed: Typed,
}

/// `None` from any of these: nobody listens any more.
impl Queues {
    fn offer(&self, text: &str) -> Option<()> {
        match text.parse::<EmailAddress>() {
            Ok(address) => {
                self.typed.remember(&address, text);
                self.addresses.blocking_send(address).ok()
            }
            Err(problem) => self.not_an_address(text, problem.to_string()),
        }
    }

    fn not_an_address(&self, text: impl Into<String>, problem: String) -> Option<()> {
        self.refuse(Refused::NotAnAddress {
            text: text.into(),
            problem,
        })
    }

    fn refuse(&self, refused: Refused) -> Option<()> {
        self.refused.blocking_send(refused).ok()
    }

    fn read_lines(&self, mut input: impl BufRead) -> Option<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(0) => return Some(()),
                Ok(_) => match str::from_utf8(without_line_end(&line)) {
                    Ok(text) if text.trim().is_empty() => {}
                    Ok(text) => self.offer(text)?,
                    // What can be shown of it would be another address.
                    Err(_) => self.not_an_address(
                        String::from_utf8_lossy(without_line_end(&line)),
                        "it is not UTF-8".to_owned(),
                    )?,
                },
                Err(error) => return self.refuse(Refused::Unreadable(error)),
            }
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
