//! Integers out of bytes.

use crate::symbols::datatypes::{Encoding, Shape, Type};

/// The low `bits` of `raw`, extended by their sign if they have one.
pub(super) fn extend(raw: u128, bits: u64, signed: bool) -> i128 {
    let unused = 128u32.saturating_sub(u32::try_from(bits).unwrap_or(128));
    if unused == 128 {
        return 0;
    }
    let shifted = raw << unused;
    match signed {
        true => shifted.cast_signed() >> unused,
        false => (shifted >> unused).cast_signed(),
    }
}

impl Type {
    /// Whether its numbers may be negative.
    pub fn is_signed(&self) -> bool {
        match self.stripped().shape() {
            Shape::Base { encoding, .. } => {
                matches!(encoding, Encoding::Signed | Encoding::SignedChar)
            }
            Shape::Enumeration(enumeration) => enumeration.signed,
            _ => false,
        }
    }

    /// Whether its values are integers: numbers, characters, booleans, enumerations.
    pub fn is_integral(&self) -> bool {
        match self.stripped().shape() {
            Shape::Base { encoding, .. } => {
                !matches!(encoding, Encoding::Float | Encoding::Complex)
            }
            Shape::Enumeration(_) => true,
            _ => false,
        }
    }

    /// Whether its values are floating-point numbers.
    pub fn is_float(&self) -> bool {
        let stripped = self.stripped();
        matches!(stripped.shape(), Shape::Base { encoding: Encoding::Float, .. })
    }

    /// Whether it is a pointer, not a reference.
    pub fn is_pointer(&self) -> bool {
        matches!(self.stripped().shape(), Shape::Pointer { .. }) && !self.is_reference()
    }

    /// Whether it is a function.
    pub fn is_function(&self) -> bool {
        matches!(self.stripped().shape(), Shape::Function { .. })
    }

    /// Whether it is a struct, class or union.
    pub fn is_record(&self) -> bool {
        matches!(self.stripped().shape(), Shape::Record(_))
    }

    /// Whether its values are characters of text: one byte, or a wide character.
    pub fn is_character(&self) -> bool {
        let stripped = self.stripped();
        match stripped.shape() {
            Shape::Base { encoding, size, name } => match encoding {
                Encoding::SignedChar | Encoding::UnsignedChar => *size == 1 && &**name != "_Bool",
                Encoding::Utf => true,
                _ => false,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::extend;

    #[test]
    fn signs_extend() {
        assert_eq!(extend(0xff, 8, true), -1);
        assert_eq!(extend(0xff, 8, false), 255);
        assert_eq!(extend(0x1ff, 8, false), 255);
        assert_eq!(extend(5, 0, true), 0);
        assert_eq!(extend(u128::MAX, 128, true), -1);
    }
}
