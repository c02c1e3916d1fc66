//! Registers by the names people use.

use crate::symbols::nearest;
use rdb_schema::registers::{Gpr, Registers};

/// Names offered for one that is none.
const OFFERED: usize = 3;

/// Parts of general registers, and what gdb calls some.
const PARTS: [&str; 16] = [
    "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "ax", "bx", "cx", "dx", "al", "pc",
    "sp", "fp",
];

/// Families of numbered registers.
const FAMILIES: [&str; 8] = ["r", "xmm", "ymm", "zmm", "mm", "st", "k", "cr"];

/// Classes of registers, as `regs` shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// General registers, rip, eflags, segments.
    General,
    /// x87.
    Float,
    /// Vector and mask registers.
    Vector,
}

/// A register's value: its bytes, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Canonical name.
    pub name: String,
    /// 1 to 64 bytes.
    pub bytes: Vec<u8>,
}

impl Value {
    fn new(name: impl Into<String>, bytes: &[u8]) -> Self {
        Self { name: name.into(), bytes: bytes.to_vec() }
    }

    /// The low 64 bits.
    pub fn low(&self) -> u64 {
        self.bytes.iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// All of it, hexadecimal, without leading zeros.
    pub fn hex(&self) -> String {
        let digits: String = self.bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect();
        let digits = digits.trim_start_matches('0');
        format!("0x{}", if digits.is_empty() { "0" } else { digits })
    }
}

/// The widest vector registers of the machine: `xmm`, `ymm` or `zmm`, by the
/// state components in XCR0 (Intel SDM vol. 1, 13.3).
pub fn vector_prefix(xcr0: u64) -> &'static str {
    match (xcr0 & 0xe0 == 0xe0, xcr0 & 4 != 0) {
        (true, _) => "zmm",
        (_, true) => "ymm",
        _ => "xmm",
    }
}

/// The names of a class.
pub fn names(class: Class, xcr0: u64) -> Vec<String> {
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    match class {
        Class::General => {
            let mut list = owned(&["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"]);
            list.extend((8..16).map(|number| format!("r{number}")));
            list.extend(owned(&["rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs"]));
            list.extend(owned(&["fs_base", "gs_base"]));
            list
        }
        Class::Float => {
            let mut list: Vec<_> = (0..8).map(|number| format!("st{number}")).collect();
            list.extend(owned(&["fctrl", "fstat", "ftag", "fioff", "fooff", "fop"]));
            list
        }
        Class::Vector => {
            let prefix = vector_prefix(xcr0);
            let count = if prefix == "zmm" { 32 } else { 16 };
            let mut list: Vec<_> = (0..count).map(|number| format!("{prefix}{number}")).collect();
            if prefix == "zmm" {
                list.extend((0..8).map(|number| format!("k{number}")));
            }
            list.extend(owned(&["mxcsr", "pkru"]));
            list
        }
    }
}

/// Registers with names like one that is none, the nearest first.
pub fn similar(name: &str, xcr0: u64) -> Vec<String> {
    let classes = [Class::General, Class::Float, Class::Vector];
    let mut all: Vec<String> = classes.iter().flat_map(|class| names(*class, xcr0)).collect();
    all.extend(PARTS.iter().map(|part| (*part).to_owned()));
    all.extend((0..16).map(|number| format!("xmm{number}")));
    nearest(name, all.iter().map(String::as_str), OFFERED)
}

/// Whether a name that is none of a register looks as if it was meant to be one: a family's
/// name with a number.
pub fn looks_like_one(name: &str) -> bool {
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    family.len() < name.len() && FAMILIES.contains(&family)
}

/// A register by name, without `$`: every name of the architecture, and gdb's
/// `pc`, `sp`, `fp`, `eflags`.
pub fn read(registers: &Registers, name: &str) -> Option<Value> {
    let name = name.to_ascii_lowercase();
    general(registers, &name)
        .or_else(|| special(registers, &name))
        .or_else(|| numbered(registers, &name))
}

fn general(registers: &Registers, name: &str) -> Option<Value> {
    let (number, offset, width) = part(name)?;
    let bytes = registers.gpr.get(number)?.to_le_bytes();
    Some(Value::new(name, bytes.get(offset..offset + width)?))
}

/// Hardware number, first byte and bytes of a general register or part of one, by name.
pub fn part(name: &str) -> Option<(usize, usize, usize)> {
    let alias = match name {
        "sp" => "rsp",
        "fp" => "rbp",
        other => other,
    };
    if let Some(number) = Gpr::NAMES.iter().position(|known| *known == alias) {
        return Some((number, 0, 8));
    }
    let by = |text: &str| Gpr::NAMES.iter().position(|known| *known == text);
    if let Some(rest) = name.strip_prefix('e') {
        return by(&format!("r{rest}")).map(|number| (number, 0, 4));
    }
    if let (Some(number), true) = (by(&format!("r{name}")), name.len() == 2) {
        return Some((number, 0, 2));
    }
    match name.strip_suffix(['d', 'w', 'l', 'b']) {
        Some(base) if base.starts_with('r') => {
            let width = match name.chars().last() {
                Some('d') => 4,
                Some('w') => 2,
                _ => 1,
            };
            return by(base).filter(|number| *number >= 8).map(|number| (number, 0, width));
        }
        _ => {}
    }
    let low = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
    let high = ["ah", "ch", "dh", "bh"];
    let low = low.iter().position(|known| *known == name).map(|number| (number, 0, 1));
    low.or_else(|| high.iter().position(|known| *known == name).map(|number| (number, 1, 1)))
}

fn special(registers: &Registers, name: &str) -> Option<Value> {
    let selector = |index: usize| registers.selectors[index & 7].to_le_bytes().to_vec();
    let bytes = match name {
        "rip" | "pc" => registers.rip.to_le_bytes().to_vec(),
        "eip" => (registers.rip as u32).to_le_bytes().to_vec(),
        "rflags" | "eflags" => (registers.rflags as u32).to_le_bytes().to_vec(),
        "fs_base" => registers.fs_base.to_le_bytes().to_vec(),
        "gs_base" => registers.gs_base.to_le_bytes().to_vec(),
        "cs" => selector(0),
        "ss" => selector(1),
        "ds" => selector(2),
        "es" => selector(3),
        "fs" => selector(4),
        "gs" => selector(5),
        "mxcsr" => registers.mxcsr.to_le_bytes().to_vec(),
        "pkru" => registers.pkru.to_le_bytes().to_vec(),
        "fctrl" => registers.x87.control.to_le_bytes().to_vec(),
        "fstat" => registers.x87.status.to_le_bytes().to_vec(),
        "ftag" => vec![registers.x87.tag],
        "fop" => registers.x87.opcode.to_le_bytes().to_vec(),
        "fioff" => registers.x87.instruction.to_le_bytes().to_vec(),
        "fooff" => registers.x87.data.to_le_bytes().to_vec(),
        _ => return None,
    };
    let canonical = match name {
        "pc" => "rip",
        "rflags" => "eflags",
        other => other,
    };
    Some(Value::new(canonical, &bytes))
}

fn numbered(registers: &Registers, name: &str) -> Option<Value> {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let prefix = name.strip_suffix(digits)?;
    let number: usize = digits.parse().ok()?;
    let bytes = match prefix {
        "xmm" => registers.vector.get(number)?.get(..16)?.to_vec(),
        "ymm" => registers.vector.get(number)?.get(..32)?.to_vec(),
        "zmm" => registers.vector.get(number)?.to_vec(),
        "k" => registers.mask.get(number)?.to_le_bytes().to_vec(),
        "st" => registers.x87.st.get(number)?.get(..10)?.to_vec(),
        "mm" => {
            // MMn is the low part of *physical* register n; st is relative to TOP.
            let top = usize::from(registers.x87.status >> 11 & 7);
            registers.x87.st.get((number + 8 - top) % 8).filter(|_| number < 8)?.get(..8)?.to_vec()
        }
        _ => return None,
    };
    Some(Value::new(name, &bytes))
}

/// The set flags of RFLAGS by name, as gdb shows eflags: `[ ZF PF ]`.
pub fn flags_text(rflags: u64) -> String {
    const FLAGS: [(u32, &str); 11] = [
        (0, "CF"),
        (2, "PF"),
        (4, "AF"),
        (6, "ZF"),
        (7, "SF"),
        (8, "TF"),
        (9, "IF"),
        (10, "DF"),
        (11, "OF"),
        (18, "AC"),
        (21, "ID"),
    ];
    let set = FLAGS.iter().filter(|(bit, _)| rflags >> bit & 1 == 1);
    let names: Vec<_> = set.map(|(_, name)| *name).collect();
    format!("[ {} ]", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_registers_have_their_own_names() {
        let mut registers = Registers::default();
        registers.gpr[0] = 0x1122_3344_5566_7788;
        registers.gpr[9] = 0xaabb_ccdd_eeff_0011;
        registers.vector[2][16] = 9;
        let low = |name: &str| read(&registers, name).map(|value| value.low());
        assert_eq!(low("rax"), Some(0x1122_3344_5566_7788));
        assert_eq!(low("eax"), Some(0x5566_7788));
        assert_eq!(low("ax"), Some(0x7788));
        assert_eq!(low("al"), Some(0x88));
        assert_eq!(low("ah"), Some(0x77));
        assert_eq!(low("r9d"), Some(0xeeff_0011));
        assert_eq!(low("r9b"), Some(0x11));
        assert_eq!(low("raxd"), None);
        assert_eq!(low("xmm2"), Some(0));
        assert_eq!(read(&registers, "ymm2").unwrap().hex(), format!("0x9{}", "0".repeat(32)));
        assert_eq!(low("zmm32"), None);
        assert_eq!(low("mm8"), None);
    }

    #[test]
    fn every_listed_register_can_be_read() {
        let registers = Registers::default();
        for class in [Class::General, Class::Float, Class::Vector] {
            for name in names(class, 0xe7) {
                assert!(read(&registers, &name).is_some(), "{name}");
            }
        }
    }
}
