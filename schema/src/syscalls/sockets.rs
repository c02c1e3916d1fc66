//! Socket addresses as text (unix(7), ip(7), ipv6(7), netlink(7)).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::flags::{DOMAIN, value_name};
use super::structs::field;
use super::text::quoted;

/// `{sa_family=AF_INET, sin_port=htons(80), sin_addr="127.0.0.1"}`.
pub(super) fn sockaddr_text(bytes: &[u8]) -> String {
    let Some(family) = field(bytes, 0, 2) else { return quoted(bytes, false) };
    let body = match family {
        1 => unix(bytes),
        2 => inet(bytes),
        10 => inet6(bytes),
        16 => netlink(bytes),
        _ => None,
    };
    let body = body.unwrap_or_else(|| other(bytes));
    let name = value_name(family, DOMAIN).map_or_else(|| family.to_string(), str::to_owned);
    format!("{{sa_family={name}{body}}}")
}

fn unix(bytes: &[u8]) -> Option<String> {
    let path = bytes.get(2..)?;
    let text = match path.split_first() {
        None => return Some(String::new()),
        // An abstract name starts with NUL and fills the length.
        Some((0, name)) => format!("@{}", quoted(name, false)),
        Some(_) => quoted(path.split(|&byte| byte == 0).next()?, false),
    };
    Some(format!(", sun_path={text}"))
}

fn inet(bytes: &[u8]) -> Option<String> {
    let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    let address = Ipv4Addr::from(octets);
    Some(format!(", sin_port=htons({}), sin_addr=\"{address}\"", port(bytes)?))
}

fn inet6(bytes: &[u8]) -> Option<String> {
    let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
    let address = Ipv6Addr::from(octets);
    Some(format!(", sin6_port=htons({}), sin6_addr=\"{address}\"", port(bytes)?))
}

fn netlink(bytes: &[u8]) -> Option<String> {
    let (pid, groups) = (field(bytes, 4, 4)?, field(bytes, 8, 4)?);
    Some(format!(", nl_pid={pid}, nl_groups={groups:#x}"))
}

fn port(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))
}

fn other(bytes: &[u8]) -> String {
    format!(", sa_data={}", quoted(bytes.get(2..).unwrap_or_default(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_by_family() {
        let inet = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let expected = r#"{sa_family=AF_INET, sin_port=htons(80), sin_addr="127.0.0.1"}"#;
        assert_eq!(sockaddr_text(&inet), expected);
        assert_eq!(sockaddr_text(b"\x01\0/a\0"), r#"{sa_family=AF_UNIX, sun_path="/a"}"#);
        assert_eq!(sockaddr_text(b"\x01\0\0x"), r#"{sa_family=AF_UNIX, sun_path=@"x"}"#);
        assert_eq!(sockaddr_text(b"\x01"), r#""\1""#);
        assert_eq!(sockaddr_text(b"\x02\0ab"), r#"{sa_family=AF_INET, sa_data="ab"}"#);
    }
}
