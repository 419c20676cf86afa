//! What the system knows of this process.

use std::time::Duration;

/// Processor time that this process has used, all its threads together
/// (`getrusage`); `None` where the system does not tell.
#[cfg(unix)]
pub fn cpu_time() -> Option<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: `usage` is valid for writes of one `rusage`.
    let status = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it has written all of it.
    let usage = unsafe { usage.assume_init() };
    Some(span(usage.ru_utime)? + span(usage.ru_stime)?)
}

/// Processor time that this process has used.
#[cfg(not(unix))]
pub fn cpu_time() -> Option<Duration> {
    None
}

/// Processors that this process may use; `None` where the system does not tell.
pub fn processors() -> Option<u32> {
    let processors = std::thread::available_parallelism().ok()?;
    u32::try_from(processors.get()).ok()
}

#[cfg(unix)]
fn span(time: libc::timeval) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let micros = u64::try_from(time.tv_usec).ok()?;
    Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = cpu_time().unwrap();
        let mut sum = 0_u64;
        // Bounded by the clock of the law itself: ends when time was used.
        while cpu_time().unwrap() < before + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0 && processors().is_some_and(|n| n > 0));
    }
}
