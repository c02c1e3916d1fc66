//! `ioctl` requests: names, and what their argument points to
//! (`asm-generic/ioctls.h`, `linux/fs.h`, `linux/sockios.h`, …).
//!
//! A request's number may carry a direction and a size (`asm-generic/ioctl.h`),
//! but a structure may hold pointers that the kernel writes through as well, so
//! only requests listed here, and whole families without pointers, are known.

use super::Call;
use super::kinds::Count;
use super::kinds::Kind::{self, *};
use super::layouts as l;

/// Families (bits 8–15 of a request) whose structures hold no pointers, so
/// that the encoded size says all: input devices, namespaces, pidfds.
const FLAT: &[u64] = &[0x45, 0xb7, 0xff];

const fn bytes(count: u32) -> Kind {
    Out(Count::Fixed(count))
}

/// Request, name, argument; ascending.
static REQUESTS: &[(u64, &str, Kind)] = &[
    (0x0001, "FIBMAP", InOutStruct(l::INT)),
    (0x0002, "FIGETBSZ", OutStruct(l::INT)),
    (0x0301, "HDIO_GETGEO", bytes(16)),
    (0x125d, "BLKROSET", InStruct(l::INT)),
    (0x125e, "BLKROGET", OutStruct(l::INT)),
    (0x1260, "BLKGETSIZE", OutStruct(l::U64)),
    (0x1261, "BLKFLSBUF", Int),
    (0x1263, "BLKRAGET", OutStruct(l::LONG)),
    (0x1265, "BLKFRAGET", OutStruct(l::LONG)),
    (0x1267, "BLKSECTGET", bytes(8)),
    (0x1268, "BLKSSZGET", OutStruct(l::INT)),
    (0x1278, "BLKIOMIN", OutStruct(l::U32)),
    (0x1279, "BLKIOOPT", OutStruct(l::U32)),
    (0x127a, "BLKALIGNOFF", OutStruct(l::INT)),
    (0x127b, "BLKPBSZGET", OutStruct(l::U32)),
    (0x127c, "BLKDISCARDZEROES", OutStruct(l::U32)),
    (0x127e, "BLKROTATIONAL", OutStruct(l::SHORT)),
    (0x2400, "PERF_EVENT_IOC_ENABLE", Int),
    (0x2401, "PERF_EVENT_IOC_DISABLE", Int),
    (0x2402, "PERF_EVENT_IOC_REFRESH", Int),
    (0x2403, "PERF_EVENT_IOC_RESET", Int),
    (0x2405, "PERF_EVENT_IOC_SET_OUTPUT", Fd),
    (0x4b31, "KDGETLED", bytes(1)),
    (0x4b33, "KDGKBTYPE", bytes(1)),
    (0x4b3a, "KDSETMODE", Int),
    (0x4b3b, "KDGETMODE", OutStruct(l::INT)),
    (0x4b44, "KDGKBMODE", OutStruct(l::INT)),
    (0x4b45, "KDSKBMODE", Int),
    (0x4b64, "KDGKBLED", bytes(1)),
    (0x4c00, "LOOP_SET_FD", Fd),
    (0x4c01, "LOOP_CLR_FD", Int),
    (0x4c04, "LOOP_SET_STATUS64", Pointer),
    (0x4c05, "LOOP_GET_STATUS64", bytes(232)),
    (0x4c82, "LOOP_CTL_GET_FREE", Int),
    (0x5401, "TCGETS", OutStruct(l::TERMIOS)),
    (0x5402, "TCSETS", InStruct(l::TERMIOS)),
    (0x5403, "TCSETSW", InStruct(l::TERMIOS)),
    (0x5404, "TCSETSF", InStruct(l::TERMIOS)),
    (0x5405, "TCGETA", OutStruct(l::TERMIO)),
    (0x5406, "TCSETA", InStruct(l::TERMIO)),
    (0x5407, "TCSETAW", InStruct(l::TERMIO)),
    (0x5408, "TCSETAF", InStruct(l::TERMIO)),
    (0x5409, "TCSBRK", Int),
    (0x540a, "TCXONC", Int),
    (0x540b, "TCFLSH", Int),
    (0x540c, "TIOCEXCL", Int),
    (0x540d, "TIOCNXCL", Int),
    (0x540e, "TIOCSCTTY", Int),
    (0x540f, "TIOCGPGRP", OutStruct(l::INT)),
    (0x5410, "TIOCSPGRP", InStruct(l::INT)),
    (0x5411, "TIOCOUTQ", OutStruct(l::INT)),
    (0x5412, "TIOCSTI", InStruct(l::BYTE)),
    (0x5413, "TIOCGWINSZ", OutStruct(l::WINSIZE)),
    (0x5414, "TIOCSWINSZ", InStruct(l::WINSIZE)),
    (0x5415, "TIOCMGET", OutStruct(l::INT)),
    (0x5416, "TIOCMBIS", InStruct(l::INT)),
    (0x5417, "TIOCMBIC", InStruct(l::INT)),
    (0x5418, "TIOCMSET", InStruct(l::INT)),
    (0x5419, "TIOCGSOFTCAR", OutStruct(l::INT)),
    (0x541a, "TIOCSSOFTCAR", InStruct(l::INT)),
    (0x541b, "FIONREAD", OutStruct(l::INT)),
    (0x541d, "TIOCCONS", Int),
    (0x541e, "TIOCGSERIAL", bytes(72)),
    (0x541f, "TIOCSSERIAL", Pointer),
    (0x5420, "TIOCPKT", InStruct(l::INT)),
    (0x5421, "FIONBIO", InStruct(l::INT)),
    (0x5422, "TIOCNOTTY", Int),
    (0x5423, "TIOCSETD", InStruct(l::INT)),
    (0x5424, "TIOCGETD", OutStruct(l::INT)),
    (0x5425, "TCSBRKP", Int),
    (0x5427, "TIOCSBRK", Int),
    (0x5428, "TIOCCBRK", Int),
    (0x5429, "TIOCGSID", OutStruct(l::INT)),
    (0x542e, "TIOCGRS485", bytes(32)),
    (0x542f, "TIOCSRS485", bytes(32)),
    (0x5441, "TIOCGPTPEER", Int),
    (0x5450, "FIONCLEX", Int),
    (0x5451, "FIOCLEX", Int),
    (0x5452, "FIOASYNC", InStruct(l::INT)),
    (0x5459, "TIOCSERGETLSR", OutStruct(l::INT)),
    (0x545c, "TIOCMIWAIT", Int),
    (0x545d, "TIOCGICOUNT", bytes(80)),
    (0x5460, "FIOQSIZE", OutStruct(l::U64)),
    (0x5600, "VT_OPENQRY", OutStruct(l::INT)),
    (0x5601, "VT_GETMODE", bytes(8)),
    (0x5602, "VT_SETMODE", Pointer),
    (0x5603, "VT_GETSTATE", bytes(6)),
    (0x5605, "VT_RELDISP", Int),
    (0x5606, "VT_ACTIVATE", Int),
    (0x5607, "VT_WAITACTIVE", Int),
    (0x8901, "FIOSETOWN", InStruct(l::INT)),
    (0x8902, "SIOCSPGRP", InStruct(l::INT)),
    (0x8903, "FIOGETOWN", OutStruct(l::INT)),
    (0x8904, "SIOCGPGRP", OutStruct(l::INT)),
    (0x8905, "SIOCATMARK", OutStruct(l::INT)),
    (0x8906, "SIOCGSTAMP_OLD", OutStruct(l::TIMEVAL)),
    (0x8907, "SIOCGSTAMPNS_OLD", OutStruct(l::TIMESPEC)),
    (0x890b, "SIOCADDRT", Pointer),
    (0x890c, "SIOCDELRT", Pointer),
    (0x8910, "SIOCGIFNAME", InOutStruct(l::IFREQ)),
    (0x8912, "SIOCGIFCONF", Nested(l::IFCONF)),
    (0x8913, "SIOCGIFFLAGS", InOutStruct(l::IFREQ)),
    (0x8914, "SIOCSIFFLAGS", InOutStruct(l::IFREQ)),
    (0x8915, "SIOCGIFADDR", InOutStruct(l::IFREQ)),
    (0x8916, "SIOCSIFADDR", InOutStruct(l::IFREQ)),
    (0x8917, "SIOCGIFDSTADDR", InOutStruct(l::IFREQ)),
    (0x8919, "SIOCGIFBRDADDR", InOutStruct(l::IFREQ)),
    (0x891b, "SIOCGIFNETMASK", InOutStruct(l::IFREQ)),
    (0x891c, "SIOCSIFNETMASK", InOutStruct(l::IFREQ)),
    (0x891d, "SIOCGIFMETRIC", InOutStruct(l::IFREQ)),
    (0x8921, "SIOCGIFMTU", InOutStruct(l::IFREQ)),
    (0x8922, "SIOCSIFMTU", InOutStruct(l::IFREQ)),
    (0x8927, "SIOCGIFHWADDR", InOutStruct(l::IFREQ)),
    (0x8933, "SIOCGIFINDEX", InOutStruct(l::IFREQ)),
    (0x8942, "SIOCGIFTXQLEN", InOutStruct(l::IFREQ)),
    (0x894b, "SIOCOUTQNSD", OutStruct(l::INT)),
    (0x894c, "SIOCGSKNS", Int),
    (0x8970, "SIOCGIFMAP", InOutStruct(l::IFREQ)),
    (0xb701, "NS_GET_USERNS", Int),
    (0xb702, "NS_GET_PARENT", Int),
    (0xb703, "NS_GET_NSTYPE", Int),
    (0xb704, "NS_GET_OWNER_UID", OutStruct(l::U32)),
    (0x4004_5201, "RNDADDTOENTCNT", InStruct(l::INT)),
    (0x4004_5431, "TIOCSPTLCK", InStruct(l::INT)),
    // Encoded as `int`, but an `ifreq` is copied back.
    (0x4004_54ca, "TUNSETIFF", InOutStruct(l::IFREQ)),
    (0x4004_54cb, "TUNSETPERSIST", Int),
    (0x4004_54d0, "TUNSETOFFLOAD", Int),
    (0x4004_9409, "FICLONE", Fd),
    (0x4008_6602, "FS_IOC_SETFLAGS", InStruct(l::INT)),
    (0x4008_8a01, "EPIOCSPARAMS", InStruct(l::U64)),
    (0x4020_940d, "FICLONERANGE", Pointer),
    (0x402c_542b, "TCSETS2", InStruct(l::TERMIOS2)),
    (0x402c_542c, "TCSETSW2", InStruct(l::TERMIOS2)),
    (0x402c_542d, "TCSETSF2", InStruct(l::TERMIOS2)),
    (0x8004_5200, "RNDGETENTCNT", OutStruct(l::INT)),
    (0x8004_5430, "TIOCGPTN", OutStruct(l::U32)),
    (0x8004_5432, "TIOCGDEV", OutStruct(l::U32)),
    (0x8004_5438, "TIOCGPKT", OutStruct(l::INT)),
    (0x8004_5439, "TIOCGPTLCK", OutStruct(l::INT)),
    (0x8004_5440, "TIOCGEXCL", OutStruct(l::INT)),
    (0x8004_54cf, "TUNGETFEATURES", OutStruct(l::U32)),
    // Encoded as `unsigned int`, but an `ifreq` is written.
    (0x8004_54d2, "TUNGETIFF", InOutStruct(l::IFREQ)),
    (0x8004_54d3, "TUNGETSNDBUF", OutStruct(l::INT)),
    (0x8004_54d7, "TUNGETVNETHDRSZ", OutStruct(l::INT)),
    (0x8008_1270, "BLKBSZGET", OutStruct(l::U64)),
    (0x8008_1272, "BLKGETSIZE64", OutStruct(l::U64)),
    (0x8008_2407, "PERF_EVENT_IOC_ID", OutStruct(l::U64)),
    (0x8008_6601, "FS_IOC_GETFLAGS", OutStruct(l::U64)),
    (0x8008_7601, "FS_IOC_GETVERSION", OutStruct(l::U64)),
    (0x8008_8a02, "EPIOCGPARAMS", OutStruct(l::U64)),
    (0x8010_8906, "SIOCGSTAMP_NEW", OutStruct(l::TIMEVAL)),
    (0x8010_8907, "SIOCGSTAMPNS_NEW", OutStruct(l::TIMESPEC)),
    // A mask behind a pointer, though input devices are flat otherwise.
    (0x8010_4592, "EVIOCGMASK", Opaque),
    (0x801c_581f, "FS_IOC_FSGETXATTR", bytes(28)),
    (0x802c_542a, "TCGETS2", OutStruct(l::TERMIOS2)),
    (0x8100_9431, "FS_IOC_GETFSLABEL", bytes(256)),
    (0xc004_5877, "FIFREEZE", Int),
    (0xc004_5878, "FITHAW", Int),
    (0xc018_5879, "FITRIM", bytes(24)),
    (0xc018_9436, "FIDEDUPERANGE", Tail(l::DEDUPE)),
    (0xc020_660b, "FS_IOC_FIEMAP", Tail(l::FIEMAP)),
];

/// The name of a request.
pub fn request_name(request: u64) -> Option<&'static str> {
    find(request).map(|entry| entry.1)
}

/// What the third argument of an `ioctl` is.
pub(super) fn argument(call: &Call) -> Kind {
    let request = call.arg(1) & 0xffff_ffff;
    match find(request) {
        Some(entry) => entry.2,
        None if FLAT.contains(&(request >> 8 & 0xff)) => flat(request),
        None => Opaque,
    }
}

/// The bytes that an otherwise unknown request's number says are written.
pub(super) fn encoded_output(request: u64) -> u32 {
    let reads = request >> 31 & 1 == 1;
    if reads { (request >> 16 & 0x3fff) as u32 } else { 0 }
}

fn flat(request: u64) -> Kind {
    match encoded_output(request) {
        0 => Hex,
        size => bytes(size),
    }
}

fn find(request: u64) -> Option<&'static (u64, &'static str, Kind)> {
    let request = request & 0xffff_ffff;
    REQUESTS.iter().find(|entry| entry.0 == request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(request: u64) -> Kind {
        argument(&Call { number: 16, args: [0, request, 0x1000, 0, 0, 0], result: 0 })
    }

    #[test]
    fn requests_are_unique() {
        let mut seen: Vec<u64> = REQUESTS.iter().map(|entry| entry.0).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), REQUESTS.len());
    }

    #[test]
    fn flat_families_use_the_encoded_size() {
        assert!(matches!(kind(0x8020_4506), Out(Count::Fixed(32))));
        assert!(matches!(kind(0x8010_4592), Opaque));
        assert!(matches!(kind(0xc030_6440), Opaque));
        assert_eq!(encoded_output(0xc030_6440), 0x30);
        assert_eq!(request_name(0x5413), Some("TIOCGWINSZ"));
    }
}
