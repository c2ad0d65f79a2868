//! What the exit status says.

/// After Ctrl-C, as shells count it: 128 and the number of the signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// At least one item could not be determined, or the program could not finish.
pub(crate) const UNDETERMINED: u8 = 3;
