//! How much memory there is, for messages about what does not fit.

use std::fs::read_to_string;

/// Bytes of memory that this machine, or the control group of this process, has at most; `None`
/// where the system does not say.
pub(crate) fn total() -> Option<u64> {
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = machine.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
    let machine = kilobytes.map(|kilobytes: u64| kilobytes << 10);
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limits = limits
        .into_iter()
        .filter_map(|path| read_to_string(path).ok()?.trim().parse().ok());
    limits.chain(machine).min()
}

/// Bytes of addresses or of data that this process may take (`ulimit -v`, `ulimit -d`); `None`
/// where nothing limits them.
fn allowed() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let limits = [Resource::As, Resource::Data];
        let limits = limits.into_iter().map(|limit| getrlimit(limit).current);
        limits.flatten().min()
    }
    #[cfg(not(unix))]
    None
}

/// Whether so many bytes cannot be had; then what to say of it: "275.0 GB; this machine has 8.0
/// GB".
pub(crate) fn lacks(bytes: u128) -> Option<String> {
    lacks_of(bytes, total(), allowed())
}

/// As [`lacks`], of a machine of `total` bytes on which a process may take `allowed`.
fn lacks_of(bytes: u128, total: Option<u64>, allowed: Option<u64>) -> Option<String> {
    let (most, has) = match (total, allowed) {
        (total, Some(allowed)) if total.is_none_or(|total| allowed < total) => {
            let words = in_words(allowed.into());
            (allowed, format!("this process may take {words} (`ulimit`)"))
        }
        (Some(total), _) => {
            let words = in_words(total.into());
            (total, format!("this machine has {words}"))
        }
        (None, _) => (u64::MAX, "no machine has".to_owned()),
    };
    (bytes > u128::from(most)).then(|| format!("{}; {has}", in_words(bytes)))
}

/// Bytes as people write them.
pub(crate) fn in_words(bytes: u128) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} bytes"),
        _ => format!("{value:.1} {}", units[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_words() {
        assert_eq!(in_words(999), "999 bytes");
        assert_eq!(in_words(1500), "1.5 kB");
        assert_eq!(in_words(274_877_906_944), "274.9 GB");
        assert_eq!(in_words(u128::from(u64::MAX)), "18.4 EB");
    }

    #[test]
    fn what_fits_and_what_does_not() {
        let gigabytes = |n: u64| Some(n * 1_000_000_000);
        let nine = |total, allowed| lacks_of(9_000_000_000, total, allowed);
        assert_eq!(nine(gigabytes(9), None), None);
        assert_eq!(nine(gigabytes(9), gigabytes(20)), None);
        assert_eq!(nine(None, None), None);
        let machine = Some("9.0 GB; this machine has 8.0 GB".to_owned());
        assert_eq!(nine(gigabytes(8), None), machine);
        assert_eq!(nine(gigabytes(8), gigabytes(9)), machine);
        let process = Some("9.0 GB; this process may take 4.0 GB (`ulimit`)".to_owned());
        assert_eq!(nine(gigabytes(8), gigabytes(4)), process);
        assert_eq!(nine(None, gigabytes(4)), process);
        assert_eq!(lacks(1), None);
        let said = lacks(u128::MAX).unwrap();
        assert!(said.contains(" EB; "), "{said}");
        #[cfg(target_os = "linux")]
        assert!(total().is_some_and(|bytes| bytes > 1 << 26));
    }
}
