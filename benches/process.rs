//! What the kernel counts for a process: on Linux.

use std::fs;

use crate::Result;

/// How much memory this process has, in MiB.
///
/// # Errors
///
/// On another system.
pub fn resident() -> Result<f64> {
    memory("VmRSS:")
}

/// How much it has had at most since [`forget_peak`], in MiB.
///
/// # Errors
///
/// On another system.
pub fn peak() -> Result<f64> {
    memory("VmHWM:")
}

/// The peak begins anew.
///
/// # Errors
///
/// On another system.
pub fn forget_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

fn memory(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let figure: f64 = figure.ok_or("not on this system")?.parse()?;
    Ok(figure / 1024.0)
}

/// What a process (a number, or `self`) has used of the processors, in seconds.
///
/// # Errors
///
/// On another system, and where there is no such process.
pub fn processor_time(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in brackets")?;
    let mut ticks = 0.0;
    for field in fields.split(' ').skip(12).take(2) {
        ticks += field.parse::<f64>()?;
    }
    // Of a hundredth of a second, everywhere.
    Ok(ticks / 100.0)
}
