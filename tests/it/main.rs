//! What the crate does as a whole, a module a subject.

mod vectors;
