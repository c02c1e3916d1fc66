//! String literals behind each other, which are one (C17, 6.4.5).

use super::lexer::Token;
use super::syntax::Node;
use crate::values::Wide;

/// String literals: bytes, until one is of wide characters.
#[derive(Default)]
pub(super) struct Texts {
    /// As they are typed: those of one byte a character.
    parts: Vec<Part>,
    /// What the wide ones are of.
    wide: Option<Wide>,
}

enum Part {
    Bytes(Vec<u8>),
    Units(Vec<u32>),
}

impl Texts {
    /// Adds one; `None` if it is of other wide characters than one before.
    pub fn add(&mut self, token: &Token) -> Option<()> {
        match token {
            Token::WideText(wide, units) => {
                if self.wide.is_some_and(|own| own.mark != wide.mark) {
                    return None;
                }
                self.wide = Some(*wide);
                self.parts.push(Part::Units(units.clone()));
            }
            Token::Text(bytes) => self.parts.push(Part::Bytes(bytes.clone())),
            _ => {}
        }
        Some(())
    }

    /// All of them: wide, if one is.
    pub fn joined(self) -> Node {
        let Some(wide) = self.wide else {
            let bytes = |part| match part {
                Part::Bytes(bytes) => bytes,
                Part::Units(_) => Vec::new(),
            };
            return Node::Text(self.parts.into_iter().flat_map(bytes).collect());
        };
        let units = |part| match part {
            Part::Units(units) => units,
            Part::Bytes(bytes) => widened(&bytes, wide),
        };
        Node::WideText(wide, self.parts.into_iter().flat_map(units).collect())
    }
}

/// The characters of UTF-8 as wide ones; what is none, byte by byte.
fn widened(bytes: &[u8], wide: Wide) -> Vec<u32> {
    match std::str::from_utf8(bytes) {
        Ok(text) if wide.size == 2 => text.encode_utf16().map(u32::from).collect(),
        Ok(text) => text.chars().map(u32::from).collect(),
        Err(_) => bytes.iter().map(|byte| u32::from(*byte)).collect(),
    }
}
