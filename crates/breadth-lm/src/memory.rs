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

/// Whether so many bytes cannot be had; then what to say of it: "275.0 GB; this machine has 8.0 GB".
pub(crate) fn lacks(bytes: u128) -> Option<String> {
    let total = total().map_or(u128::from(u64::MAX), u128::from);
    (bytes > total).then(|| {
        let has = match total {
            total if total == u128::from(u64::MAX) => "no machine has".to_owned(),
            total => format!("this machine has {}", in_words(total)),
        };
        format!("{}; {has}", in_words(bytes))
    })
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
        assert_eq!(lacks(1), None);
        let said = lacks(u128::MAX).unwrap();
        assert!(said.contains(" EB; "), "{said}");
        #[cfg(target_os = "linux")]
        assert!(total().is_some_and(|bytes| bytes > 1 << 26));
    }
}
