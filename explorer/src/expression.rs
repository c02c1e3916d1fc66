//! Expressions for addresses: numbers, registers, symbols, `+ - * &` and
//! parentheses. `*` before an operand reads eight bytes of memory.

/// What an expression's names mean.
pub trait Names {
    /// The low 64 bits of a register.
    fn register(&self, name: &str) -> Option<u64>;
    /// The address of a symbol.
    fn symbol(&self, name: &str) -> Option<u64>;
    /// Eight bytes of memory, little-endian.
    fn word(&self, address: u64) -> Option<u64>;
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No such register.
    #[error("no register ${0}")]
    Register(String),
    /// No such symbol.
    #[error("no symbol {0:?} in this trace")]
    Symbol(String),
    /// Memory that is not known.
    #[error("memory at {0:#x} is not known at this tracepoint")]
    Memory(u64),
    /// Not an expression.
    #[error("unexpected {0:?} in the expression")]
    Syntax(String),
    /// The expression ends too early.
    #[error("the expression is incomplete")]
    Incomplete,
}

/// Deepest nesting of parentheses and prefixes.
const DEPTH: u32 = 64;

/// The value of `text`.
///
/// # Errors
/// [`ExpressionError`].
pub fn evaluate(text: &str, names: &dyn Names) -> Result<u64, ExpressionError> {
    let mut parser = Parser { rest: text.trim(), names };
    let value = parser.sum(0)?;
    if parser.rest.is_empty() {
        return Ok(value);
    }
    Err(ExpressionError::Syntax(parser.rest.to_owned()))
}

/// A number as C and gdb write it: decimal, 0x hexadecimal, 0 octal.
pub fn number(text: &str) -> Option<u64> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

struct Parser<'a> {
    rest: &'a str,
    names: &'a dyn Names,
}

impl<'a> Parser<'a> {
    fn take(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn sum(&mut self, depth: u32) -> Result<u64, ExpressionError> {
        let mut value = self.product(depth)?;
        loop {
            if self.take('+') {
                value = value.wrapping_add(self.product(depth)?);
            } else if self.take('-') {
                value = value.wrapping_sub(self.product(depth)?);
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self, depth: u32) -> Result<u64, ExpressionError> {
        let mut value = self.operand(depth)?;
        while self.take('*') {
            value = value.wrapping_mul(self.operand(depth)?);
        }
        Ok(value)
    }

    fn operand(&mut self, depth: u32) -> Result<u64, ExpressionError> {
        if depth > DEPTH {
            return Err(ExpressionError::Syntax(self.rest.to_owned()));
        }
        if self.take('(') {
            let value = self.sum(depth + 1)?;
            return if self.take(')') { Ok(value) } else { Err(ExpressionError::Incomplete) };
        }
        if self.take('-') {
            return Ok(self.operand(depth + 1)?.wrapping_neg());
        }
        if self.take('*') {
            let address = self.operand(depth + 1)?;
            return self.names.word(address).ok_or(ExpressionError::Memory(address));
        }
        if self.take('&') {
            let name = self.word();
            return self.symbol(name);
        }
        if self.take('$') {
            let name = self.word();
            return self.names.register(name).ok_or_else(|| ExpressionError::Register(name.into()));
        }
        let word = self.word();
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return number(word).ok_or_else(|| ExpressionError::Syntax(word.into()));
        }
        self.symbol(word)
    }

    fn symbol(&self, name: &str) -> Result<u64, ExpressionError> {
        match (name, self.rest.chars().next()) {
            ("", None) => Err(ExpressionError::Incomplete),
            ("", Some(next)) => Err(ExpressionError::Syntax(next.into())),
            _ => self.names.symbol(name).ok_or_else(|| ExpressionError::Symbol(name.into())),
        }
    }

    /// A number or name: also `ns::name` and `name@plt`.
    fn word(&mut self) -> &'a str {
        let inside = |c: char| c.is_alphanumeric() || "_:@.~".contains(c);
        let end = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Names for Fake {
        fn register(&self, name: &str) -> Option<u64> {
            (name == "rsp").then_some(0x1000)
        }
        fn symbol(&self, name: &str) -> Option<u64> {
            (name == "a::b").then_some(0x20)
        }
        fn word(&self, address: u64) -> Option<u64> {
            (address == 0x1008).then_some(7)
        }
    }

    #[test]
    fn sums_products_registers_symbols_and_memory() {
        let value = |text: &str| evaluate(text, &Fake).unwrap();
        assert_eq!(value("0x10 + 010 + 3"), 27);
        assert_eq!(value("$rsp+8*2"), 0x1010);
        assert_eq!(value("&a::b"), 0x20);
        assert_eq!(value("a::b - 1"), 0x1f);
        assert_eq!(value("*($rsp + 8) * 2"), 14);
        assert_eq!(value("-1"), u64::MAX);
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = |text: &str| evaluate(text, &Fake).unwrap_err();
        assert_eq!(error("$xyz"), ExpressionError::Register("xyz".into()));
        assert_eq!(error("nope"), ExpressionError::Symbol("nope".into()));
        assert_eq!(error("1 +"), ExpressionError::Incomplete);
        assert_eq!(error("(1"), ExpressionError::Incomplete);
        assert_eq!(error("1 2"), ExpressionError::Syntax("2".into()));
        assert_eq!(error("12zz"), ExpressionError::Syntax("12zz".into()));
        assert_eq!(error("*5"), ExpressionError::Memory(5));
        assert!(evaluate(&"(".repeat(100_000), &Fake).is_err());
        assert!(evaluate(&"-".repeat(100_000), &Fake).is_err());
    }
}
