//! From what a user asks about to bytes.

use crate::dataflow::{Place, Span};
use crate::session::{Subject, registers};
use iced_x86::Register;
use rdb_schema::registers::Gpr;

/// Most bytes that can be asked about.
const MAX_BYTES: u64 = 4096;

/// Status flags (Intel SDM vol. 1, 3.4.3.1).
const STATUS: u32 = 0x8d5;

impl Subject {
    /// Its bytes.
    ///
    /// # Errors
    /// Why their origin cannot be looked for.
    pub(super) fn span(&self) -> Result<Span, String> {
        match self {
            Self::Memory { address, bytes, .. } => match u32::try_from(*bytes) {
                Ok(length) if *bytes <= MAX_BYTES => Ok(Span::memory(*address, length)),
                _ => Err(format!("{bytes} bytes are too many to follow (1 to {MAX_BYTES})")),
            },
            Self::Register { name, .. } => {
                of_register(name).ok_or_else(|| format!("${name} cannot be followed"))
            }
            Self::Variable(kept) => Err(format!("{} is in several places", kept.variable)),
        }
    }
}

fn of_register(name: &str) -> Option<Span> {
    if let Some((number, first, length)) = registers::part(name) {
        let whole = Span::gpr(Gpr::new(u8::try_from(number).ok()?)?, 8);
        return Some(whole.part(first as u32, length as u32));
    }
    if name == "eflags" {
        return Some(Span { place: Place::Flags(STATUS), length: 1 });
    }
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let number: u32 = digits.parse().ok()?;
    let first = match name.strip_suffix(digits)? {
        "xmm" => Register::XMM0,
        "ymm" => Register::YMM0,
        "zmm" => Register::ZMM0,
        "k" => Register::K0,
        "st" => Register::ST0,
        _ => return None,
    };
    let most = if matches!(first, Register::K0 | Register::ST0) { 8 } else { 32 };
    (number < most).then(|| Span::register(first + number))?
}
