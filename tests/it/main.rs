//! Integration tests: one program, a module a subject.

mod cli;
