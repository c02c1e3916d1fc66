//! How places are typed, as gdb's linespecs: `*ADDRESS`, `/PATTERN/`, `LINE`, `FILE:LINE`,
//! `FUNCTION` or `FILE:FUNCTION`, each part in quotes or not.

use super::LocationError;
use crate::symbols::FunctionName;

/// A place, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linespec<'a> {
    /// An expression.
    Address(&'a str),
    /// A regular expression for names of functions.
    Pattern(&'a str),
    /// A line; without a file, of the current one.
    Line(Option<&'a str>, u32),
    /// A function, with parameters or without.
    Function(FunctionName<'a>),
}

impl<'a> Linespec<'a> {
    /// What `text` says.
    ///
    /// # Errors
    /// A quote that is not closed, or something behind it; a file alone; a line that is none.
    pub fn parse(text: &'a str) -> Result<Self, LocationError> {
        let text = text.trim();
        if let Some(expression) = text.strip_prefix('*') {
            return Ok(Self::Address(expression));
        }
        if let Some(pattern) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Ok(Self::Pattern(pattern));
        }
        match quoted(text)? {
            Some((inside, "")) => Self::plain(inside),
            Some((file, rest)) => match rest.strip_prefix(':') {
                Some(rest) => Self::of_file(file, rest),
                None => Err(LocationError::Behind(rest.to_owned())),
            },
            None => Self::plain(text),
        }
    }

    fn plain(text: &'a str) -> Result<Self, LocationError> {
        let text = text.trim();
        match single_colon(text).map(|at| text.split_at(at)) {
            Some((file, rest)) => {
                Self::of_file(file.trim(), rest.strip_prefix(':').unwrap_or_default())
            }
            None => Ok(match line(text)? {
                Some(line) => Self::Line(None, line),
                None => Self::Function(text.into()),
            }),
        }
    }

    fn of_file(file: &'a str, rest: &'a str) -> Result<Self, LocationError> {
        let rest = rest.trim();
        let name = match quoted(rest)? {
            Some((name, "")) => name,
            Some((_, behind)) => return Err(LocationError::Behind(behind.to_owned())),
            None if rest.is_empty() => return Err(LocationError::LineMissing(file.to_owned())),
            None => rest,
        };
        Ok(match line(name)? {
            Some(line) => Self::Line(Some(file), line),
            None => Self::Function(FunctionName { file: Some(file), name }),
        })
    }
}

/// What quotes at the beginning enclose, and what stands behind them.
fn quoted(text: &str) -> Result<Option<(&str, &str)>, LocationError> {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        return Ok(None);
    };
    let inside = text.get(1..).unwrap_or_default();
    let open = || LocationError::Quote(text.to_owned());
    let (inside, behind) = inside.split_once(quote).ok_or_else(open)?;
    Ok(Some((inside.trim(), behind.trim())))
}

/// Where the last colon is that stands alone: `::` is a part of names. Not the first character.
fn single_colon(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_colon = |at: Option<usize>| at.and_then(|at| bytes.get(at)) == Some(&b':');
    let alone = |at: &usize| !is_colon(at.checked_sub(1)) && !is_colon(Some(at + 1));
    (1..bytes.len()).rev().filter(|at| is_colon(Some(*at))).find(alone)
}

/// A line, if `text` is a number.
///
/// # Errors
/// A number that no line can have.
fn line(text: &str) -> Result<Option<u32>, LocationError> {
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let line = || text.parse().map_err(|_| LocationError::NoSuchLine(text.to_owned()));
    number.then(line).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function<'a>(file: Option<&'a str>, name: &'a str) -> Linespec<'a> {
        Linespec::Function(FunctionName { file, name })
    }

    #[test]
    fn files_stand_before_a_colon_that_is_alone() {
        let parse = |text| Linespec::parse(text).expect(text);
        assert_eq!(parse("a/b.c:12"), Linespec::Line(Some("a/b.c"), 12));
        assert_eq!(parse(" 12 "), Linespec::Line(None, 12));
        assert_eq!(parse("ns::name"), function(None, "ns::name"));
        assert_eq!(parse("a.c : ns::f(b::c)"), function(Some("a.c"), "ns::f(b::c)"));
        assert_eq!(parse("a.c:::f"), function(None, "a.c:::f"));
        assert_eq!(parse("*main+4"), Linespec::Address("main+4"));
        assert_eq!(parse("/^a:/"), Linespec::Pattern("^a:"));
    }

    #[test]
    fn quotes_enclose_all_or_a_part() {
        let parse = |text| Linespec::parse(text).expect(text);
        assert_eq!(parse("'f(int)'"), function(None, "f(int)"));
        assert_eq!(parse("\"a.c:f\""), function(Some("a.c"), "f"));
        assert_eq!(parse("'a:b.c':3"), Linespec::Line(Some("a:b.c"), 3));
        assert_eq!(parse("'a.c':'f(int)'"), function(Some("a.c"), "f(int)"));
        for wrong in ["'f", "'f'g", "a.c:'f", "a.c:", "'a.c':", "a.c:4294967296"] {
            assert!(Linespec::parse(wrong).is_err(), "{wrong}");
        }
    }
}
