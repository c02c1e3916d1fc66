//! The machine.

use std::time::{SystemTime, UNIX_EPOCH};

use rdb_schema::header::Host;

use super::{cpu, error};

/// Describes this machine, now. What cannot be found out is empty or zero.
pub fn host() -> Host {
    let (system, name) = uname().unwrap_or_default();
    let info = error::read("/proc/cpuinfo").unwrap_or_default();
    let field =
        |key| String::from_utf8_lossy(cpu_field(&info, key).unwrap_or_default()).into_owned();
    let xcr0 = cpu::xcr0();
    Host {
        system,
        name,
        cpu_model: field(b"model name"),
        cpu_features: field(b"flags").split_whitespace().map(str::to_owned).collect(),
        xcr0,
        xsave_components: cpu::xsave_components(xcr0),
        start_time: now(),
    }
}

fn uname() -> Option<(String, String)> {
    let name = nix::sys::utsname::uname().ok()?;
    let parts = [name.sysname(), name.release(), name.version(), name.machine()];
    let system = parts.map(|part| part.to_string_lossy().into_owned()).join(" ");
    Some((system, name.nodename().to_string_lossy().into_owned()))
}

/// Nanoseconds since the epoch; 0 if the clock stands before it.
fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

/// The first CPU's field of this name in /proc/cpuinfo (`name\t: value`).
fn cpu_field<'a>(info: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    error::lines(info).find_map(|line| {
        let rest = line.strip_prefix(name)?.trim_ascii_start();
        Some(rest.strip_prefix(b":")?.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_this_machine() {
        let host = host();
        assert!(host.system.starts_with("Linux "));
        assert!(host.cpu_features.iter().any(|f| f == "sse2"));
        assert!(!host.cpu_model.is_empty());
        assert!(host.start_time > 1_700_000_000_000_000_000);
    }

    #[test]
    fn takes_whole_field_names_only() {
        let info = b"flagship\t: no\nflags\t\t: fpu vme\n";
        assert_eq!(cpu_field(info, b"flags"), Some(&b"fpu vme"[..]));
    }
}
