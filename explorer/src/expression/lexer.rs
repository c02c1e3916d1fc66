//! From text to tokens.

use super::environment::{Environment, Tag};
use super::error::At;
use super::{Fault, literal};
use crate::values::Wide;

/// Longest expression, bytes.
const MAX_LENGTH: usize = 1 << 14;

/// Punctuation, longest first.
const PUNCTUATION: [&str; 43] = [
    "->*", ".*", "<<=", ">>=", "->", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "++", "--", "(", ")", "[", "]", "{", "}", "+", "-", "*",
    "/", "%", "<", ">", "=", "!", "~", "&", "|", "^", "@",
];
const MORE_PUNCTUATION: [&str; 4] = ["?", ":", ",", "."];

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(String),
    Character(u8),
    Text(Vec<u8>),
    WideCharacter(Wide, u32),
    WideText(Wide, Vec<u32>),
    /// Qualified names, and those with template arguments, whole.
    Name(String),
    /// `file.c::`.
    File(String),
    Dollar(String),
    Punctuation(&'static str),
}

impl Token {
    /// As errors name it.
    pub fn text(&self) -> String {
        match self {
            Self::Number(text) | Self::Name(text) => text.clone(),
            Self::Character(_) | Self::Text(_) | Self::WideCharacter(..) | Self::WideText(..) => {
                "a literal".to_owned()
            }
            Self::File(file) => format!("{file}::"),
            Self::Dollar(name) => format!("${name}"),
            Self::Punctuation(text) => (*text).to_owned(),
        }
    }
}

/// The tokens of a text, each with the byte it begins at.
pub(super) fn tokens(text: &str, environment: &dyn Environment) -> Result<Vec<(Token, usize)>, At> {
    if text.len() > MAX_LENGTH {
        return Err(At { column: 0, fault: Fault::TooDeep });
    }
    let mut lexer = Lexer { text, at: 0, environment, found: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    environment: &'a dyn Environment,
    found: Vec<(Token, usize)>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> Result<bool, At> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let Some(first) = self.rest().chars().next() else { return Ok(false) };
        let (token, length) = self.token(first)?;
        self.found.push((token, self.at));
        self.at += length;
        Ok(true)
    }

    fn token(&self, first: char) -> Result<(Token, usize), At> {
        let rest = self.rest();
        let fault = |fault| At { column: self.at, fault };
        if let Some(length) = self.file() {
            let name = rest.get(..length).unwrap_or_default().to_owned();
            return Ok((Token::File(name), length + 2));
        }
        if first.is_ascii_digit() || (first == '.' && self.begins_fraction(rest)) {
            let member = matches!(self.found.last(), Some((Token::Punctuation("."), _)));
            let length = match member {
                true => word(rest, |_| false).len(),
                false => number_length(rest),
            };
            return Ok((Token::Number(rest.get(..length).unwrap_or_default().to_owned()), length));
        }
        if first == '$' {
            let name = word(rest.get(1..).unwrap_or_default(), |c| c == '$');
            return Ok((Token::Dollar(name.to_owned()), 1 + name.len()));
        }
        if let Some((wide, inside)) = Wide::before_quote(rest) {
            return self.wide(wide, inside);
        }
        // Characters of UTF-8 are bytes.
        let (first, rest) = match rest.strip_prefix("u8") {
            Some(behind) if behind.starts_with(['"', '\'']) => {
                (behind.chars().next().unwrap_or(first), behind)
            }
            _ => (first, rest),
        };
        let before = self.rest().len() - rest.len();
        if first == '"' || first == '\'' {
            let inside = rest.get(1..).unwrap_or_default();
            let (bytes, length) = literal::quoted(inside, first).ok_or(fault(Fault::Incomplete))?;
            return Ok((quoted(bytes, first, inside, length), before + 1 + length));
        }
        if is_name_start(first) || rest.starts_with("::") {
            let length = self.name_length(rest);
            return Ok((Token::Name(rest.get(..length).unwrap_or_default().to_owned()), length));
        }
        let all = PUNCTUATION.iter().chain(&MORE_PUNCTUATION);
        match all.copied().find(|text| rest.starts_with(text)) {
            Some(text) => Ok((Token::Punctuation(text), text.len())),
            None => Err(fault(Fault::Syntax(first.to_string()))),
        }
    }

    /// A character or text of wide characters; `inside` begins with its quote.
    fn wide(&self, wide: Wide, quoted: &str) -> Result<(Token, usize), At> {
        let fault = |fault| At { column: self.at, fault };
        let quote = if quoted.starts_with('"') { '"' } else { '\'' };
        let inside = quoted.get(1..).unwrap_or_default();
        let read = literal::quoted_wide(inside, quote, wide);
        let (units, length) = read.ok_or_else(|| fault(Fault::Incomplete))?;
        let length = wide.mark.len() + 1 + length;
        match (quote, units.as_slice()) {
            ('"', _) => Ok((Token::WideText(wide, units), length)),
            (_, [unit]) => Ok((Token::WideCharacter(wide, *unit), length)),
            _ => {
                let text = self.rest().get(..length).unwrap_or_default();
                Err(fault(Fault::Literal(format!("{text} is not one character"))))
            }
        }
    }

    /// `.5`, but not the `.0` of a tuple.
    fn begins_fraction(&self, rest: &str) -> bool {
        let digit = rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        let operand = matches!(
            self.found.last(),
            Some((Token::Name(_) | Token::Dollar(_) | Token::Punctuation(")" | "]"), _))
        );
        // Behind `x.0`, another `.0` goes on.
        let member = matches!(
            self.found.as_slice(),
            [.., (Token::Punctuation("."), _), (Token::Number(_), _)]
        );
        digit && !operand && !member
    }

    /// How long the name of a source file is that stands here, before `::`.
    fn file(&self) -> Option<usize> {
        let rest = self.rest();
        let name = word(rest, |c| "./-+".contains(c));
        let followed = rest.get(name.len()..)?.starts_with("::");
        let looks = name.contains('.') && !name.starts_with(|c: char| c.is_ascii_digit());
        (followed && looks && self.environment.is_file(name)).then_some(name.len())
    }

    /// The length of a name: `a::b`, `name@plt`, `Foo<int>::bar` if that is known.
    fn name_length(&self, rest: &str) -> usize {
        let mut length = 0;
        let tail = |length: usize| rest.get(length..).unwrap_or_default();
        loop {
            if tail(length).starts_with("::") {
                length += 2;
            }
            let tilde = tail(length).starts_with('~') && length > 0;
            length += usize::from(tilde);
            length += word(tail(length), |_| false).len();
            if let Some(arguments) = arguments_length(tail(length)) {
                let with = rest.get(..length + arguments).unwrap_or_default();
                let bare = rest.get(..length).unwrap_or_default();
                if self.is_known(with)
                    || self.is_template(bare)
                    || tail(length + arguments).starts_with("::")
                {
                    length += arguments;
                }
            }
            let next = tail(length).strip_prefix("::").and_then(|rest| rest.chars().next());
            if !next.is_some_and(|c| is_name_start(c) || c == '~') {
                break;
            }
        }
        if tail(length).starts_with("@plt") { length + 4 } else { length }
    }

    /// Whether a name is that of a template of types.
    fn is_template(&self, name: &str) -> bool {
        let of = self.environment.type_named(Tag::Any, name);
        of.is_some_and(|of| of.class_name().ends_with('>')) && self.environment.named(name).is_err()
    }

    fn is_known(&self, name: &str) -> bool {
        let known = self.environment.type_named(Tag::Any, name).is_some();
        known || self.environment.named(name).is_ok()
    }
}

/// A character, a text, or a quoted name: `'file.c'::name`, `'ns::f(int)'`.
fn quoted(bytes: Vec<u8>, quote: char, inside: &str, length: usize) -> Token {
    match (quote, bytes.as_slice()) {
        ('\'', [byte]) => Token::Character(*byte),
        ('\'', _) => {
            let name = inside.get(..length.saturating_sub(1)).unwrap_or_default().to_owned();
            match inside.get(length..).is_some_and(|rest| rest.starts_with("::")) {
                true => Token::File(name),
                false => Token::Name(name),
            }
        }
        _ => Token::Text(bytes),
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// The longest beginning of letters, digits, `_`, and what `also` allows.
fn word(text: &str, also: impl Fn(char) -> bool) -> &str {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || also(c);
    let end = text.find(|c| !inside(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// `<…>` at the start of a text, balanced.
fn arguments_length(text: &str) -> Option<usize> {
    if !text.starts_with('<') {
        return None;
    }
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Digits, a fraction, an exponent with its sign, suffixes.
fn number_length(text: &str) -> usize {
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let exponents = if hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
    let mut before = ' ';
    let mut length = 0;
    for c in text.chars() {
        let exponent = exponents.contains(&before);
        let inside = c.is_ascii_alphanumeric()
            || c == '.'
            || c == '_'
            || (matches!(c, '+' | '-') && exponent);
        if !inside {
            break;
        }
        before = c;
        length += c.len_utf8();
    }
    length
}
