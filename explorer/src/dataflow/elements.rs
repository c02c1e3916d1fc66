//! What the names of vector instructions say of the elements that they compute.

use iced_x86::Mnemonic;

/// How the elements of a result come from those of operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    /// Each of so many bytes from those in the same place.
    Same(u32),
    /// The same, but from the lower halves of those.
    Lower(u32),
    /// The same, and all from a count beside.
    Shifted(u32),
    /// Each from the one of the same number, of another size.
    Resized {
        /// Bytes of an operand's.
        from: u32,
        /// Bytes of the result's.
        to: u32,
    },
    /// The first operand's, and then the second's, made shorter: in each 16 bytes.
    Packed {
        /// Bytes of an operand's.
        from: u32,
        /// Bytes of the result's.
        to: u32,
    },
    /// Each from two neighbours: of the first operand, and then of the second, in each 16 bytes.
    Paired(u32),
    /// Only the first is computed.
    Scalar {
        /// Its bytes.
        written: u32,
        /// Bytes of each operand that it is computed of.
        read: u32,
        /// Whether it is computed of the last operand alone.
        alone: bool,
    },
    /// All bits from all.
    Mixed,
}

use Elements::{Lower, Mixed, Packed, Paired, Resized, Same, Scalar, Shifted};

/// Names that say it as a whole, without the `v` of the VEX and EVEX forms.
const NAMED: &[(&str, Elements)] = &[
    ("pand", Same(1)),
    ("pandn", Same(1)),
    ("por", Same(1)),
    ("pxor", Same(1)),
    ("cvtdq2ps", Same(4)),
    ("cvtps2dq", Same(4)),
    ("cvttps2dq", Same(4)),
    ("cvtudq2ps", Same(4)),
    ("cvtqq2pd", Same(8)),
    ("cvtpd2qq", Same(8)),
    ("cvttpd2qq", Same(8)),
    ("cvtdq2pd", Resized { from: 4, to: 8 }),
    ("cvtps2pd", Resized { from: 4, to: 8 }),
    ("cvtpd2ps", Resized { from: 8, to: 4 }),
    ("cvtpd2dq", Resized { from: 8, to: 4 }),
    ("cvttpd2dq", Resized { from: 8, to: 4 }),
    ("cvtqq2ps", Resized { from: 8, to: 4 }),
    ("cvtph2ps", Resized { from: 2, to: 4 }),
    ("cvtps2ph", Resized { from: 4, to: 2 }),
    ("pmuludq", Lower(8)),
    ("pmuldq", Lower(8)),
    ("psadbw", Same(8)),
    ("pmaddwd", Same(4)),
    ("pmaddubsw", Same(2)),
    ("packsswb", Packed { from: 2, to: 1 }),
    ("packuswb", Packed { from: 2, to: 1 }),
    ("packssdw", Packed { from: 4, to: 2 }),
    ("packusdw", Packed { from: 4, to: 2 }),
    ("haddps", Paired(4)),
    ("hsubps", Paired(4)),
    ("haddpd", Paired(8)),
    ("hsubpd", Paired(8)),
    ("phaddw", Paired(2)),
    ("phsubw", Paired(2)),
    ("phaddsw", Paired(2)),
    ("phsubsw", Paired(2)),
    ("phaddd", Paired(4)),
    ("phsubd", Paired(4)),
    ("cvtsd2ss", Scalar { written: 4, read: 8, alone: true }),
    ("cvtss2sd", Scalar { written: 8, read: 4, alone: true }),
    ("cvtsi2ss", Scalar { written: 4, read: 8, alone: true }),
    ("cvtsi2sd", Scalar { written: 8, read: 8, alone: true }),
    ("dpps", Mixed),
    ("dppd", Mixed),
    ("pclmulqdq", Mixed),
    ("pcmpistrm", Mixed),
    ("pcmpestrm", Mixed),
];

/// Beginnings of names whose instructions mix all bits.
const MIXING: [&str; 3] = ["aes", "sha", "gf2p8"];

/// Beginnings of names that end in `ps`, `pd`, `ss` or `sd`, of one operand and of several.
const ALONE: &[&str] = &[
    "sqrt", "rcp", "rsqrt", "round", "rcp14", "rsqrt14", "rndscale", "getexp", "getmant", "reduce",
];
const TOGETHER: &[&str] =
    &["add", "sub", "mul", "div", "min", "max", "cmp", "addsub", "range", "scalef", "fixupimm"];
const BITWISE: &[&str] = &["and", "andn", "or", "xor"];
const FUSED: [&str; 6] = ["fmadd", "fmsub", "fnmadd", "fnmsub", "fmaddsub", "fmsubadd"];
const FUSED_ORDERS: [&str; 3] = ["132", "213", "231"];

/// Beginnings of names that end in the size of integers: `b`, `w`, `d` or `q`.
const INTEGER: &[&str] = &[
    "padd", "psub", "padds", "paddus", "psubs", "psubus", "pcmpeq", "pcmpgt", "pmins", "pminu",
    "pmaxs", "pmaxu", "pabs", "psign", "pavg", "pmull", "pmulh", "pmulhu", "pmulhrs", "psllv",
    "psrlv", "psrav", "prol", "pror", "prolv", "prorv", "pternlog", "plzcnt", "popcnt",
];
const SHIFTS: [&str; 3] = ["psll", "psrl", "psra"];
const INTEGER_BITWISE: [&str; 4] = ["pand", "pandn", "por", "pxor"];

/// What the elements of a vector instruction's result come from, if that is known.
pub(super) fn elements(mnemonic: Mnemonic) -> Option<Elements> {
    let name = format!("{mnemonic:?}").to_ascii_lowercase();
    let name = name.strip_prefix('v').unwrap_or(&name);
    if let Some((_, found)) = NAMED.iter().find(|(named, _)| *named == name) {
        return Some(*found);
    }
    if MIXING.iter().any(|mixing| name.starts_with(mixing)) {
        return Some(Mixed);
    }
    floating(name).or_else(|| extended(name)).or_else(|| integer(name))
}

fn floating(name: &str) -> Option<Elements> {
    let (stem, kind) = name.split_at_checked(name.len().checked_sub(2)?)?;
    let (size, scalar) = match kind {
        "ps" => (4, false),
        "pd" => (8, false),
        "ss" => (4, true),
        "sd" => (8, true),
        _ => return None,
    };
    if BITWISE.contains(&stem) {
        return Some(Same(1));
    }
    let alone = ALONE.contains(&stem);
    let known = alone || TOGETHER.contains(&stem) || is_fused(stem);
    known.then_some(match scalar {
        true => Scalar { written: size, read: size, alone },
        false => Same(size),
    })
}

/// Whether a name is one of a multiplication with an addition.
fn is_fused(stem: &str) -> bool {
    let orders = FUSED_ORDERS.iter();
    orders.filter_map(|order| stem.strip_suffix(order)).any(|stem| FUSED.contains(&stem))
}

/// `pmovsxbw` and its kin, and those that make integers shorter: `pmovdb`, `pmovusqw`.
fn extended(name: &str) -> Option<Elements> {
    let rest = name.strip_prefix("pmov")?;
    let sizes = ["sx", "zx", "us", "s"].iter().find_map(|kind| rest.strip_prefix(kind));
    let mut sizes = sizes.unwrap_or(rest).chars();
    let (from, to) = (size(sizes.next()?)?, size(sizes.next()?)?);
    sizes.next().is_none().then_some(Resized { from, to })
}

fn integer(name: &str) -> Option<Elements> {
    let size = size(name.chars().next_back()?)?;
    let stem = name.get(..name.len() - 1)?;
    match () {
        () if INTEGER_BITWISE.contains(&stem) => Some(Same(1)),
        () if SHIFTS.contains(&stem) => Some(Shifted(size)),
        () if INTEGER.contains(&stem) => Some(Same(size)),
        () => None,
    }
}

fn size(letter: char) -> Option<u32> {
    match letter {
        'b' => Some(1),
        'w' => Some(2),
        'd' => Some(4),
        'q' => Some(8),
        _ => None,
    }
}

/// Whether an instruction with a mask computes active elements of what its result held, too.
pub(super) fn keeps_result(mnemonic: Mnemonic) -> bool {
    let name = format!("{mnemonic:?}").to_ascii_lowercase();
    let stem = name.strip_prefix('v').and_then(|name| name.get(..name.len().checked_sub(2)?));
    name.starts_with("vpternlog") || stem.is_some_and(is_fused)
}

/// Bytes of vector registers that an instruction reads for a general register or flags; `None`
/// if it reads all.
pub(super) fn scalar_bytes(mnemonic: Mnemonic) -> Option<u32> {
    let name = format!("{mnemonic:?}").to_ascii_lowercase();
    match name.strip_prefix('v').unwrap_or(&name) {
        "comiss" | "ucomiss" | "cvtss2si" | "cvttss2si" | "cvtss2usi" | "cvttss2usi" => Some(4),
        "comisd" | "ucomisd" | "cvtsd2si" | "cvttsd2si" | "cvtsd2usi" | "cvttsd2usi" => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::Mnemonic as M;

    #[test]
    fn names_say_what_elements_are() {
        assert_eq!(elements(M::Addps), Some(Same(4)));
        assert_eq!(elements(M::Vaddpd), Some(Same(8)));
        assert_eq!(elements(M::Vfnmadd213ps), Some(Same(4)));
        assert_eq!(elements(M::Vxorpd), Some(Same(1)));
        assert_eq!(elements(M::Vpandd), Some(Same(1)));
        assert_eq!(elements(M::Paddusw), Some(Same(2)));
        assert_eq!(elements(M::Vpslld), Some(Shifted(4)));
        assert_eq!(elements(M::Pmovzxbd), Some(Resized { from: 1, to: 4 }));
        assert_eq!(elements(M::Vpmovusqw), Some(Resized { from: 8, to: 2 }));
        let alone = |alone| Some(Scalar { written: 4, read: 4, alone });
        assert_eq!([elements(M::Vsqrtss), elements(M::Mulss)], [alone(true), alone(false)]);
        assert_eq!(elements(M::Aesenc), Some(Mixed));
        assert_eq!([elements(M::Vpermd), elements(M::Movaps)], [None, None]);
    }
}
