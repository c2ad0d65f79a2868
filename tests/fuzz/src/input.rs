//! Fuzz input, read as a stream of choices. Where it ends, every choice is zero.

use std::mem::take;

/// What is left of an input.
#[derive(Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of it.
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One octet.
    pub fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    /// Two octets, the first one being the higher.
    pub fn number(&mut self) -> usize {
        usize::from(self.octet()) << 8 | usize::from(self.octet())
    }

    /// A number below `end`, made of two octets; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.number() % end.max(1)
    }

    /// One of a list.
    pub fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[usize::from(self.octet()) % list.len()]
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.octet() & 1 != 0
    }

    /// So many octets, or what is left.
    pub fn octets(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A part with its length in front.
    pub fn part(&mut self) -> Input<'a> {
        let count = self.number();
        Input(self.octets(count))
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        take(&mut self.0)
    }
}
