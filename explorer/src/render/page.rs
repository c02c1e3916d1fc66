//! The text a command's result is rendered to.

use super::wrap::Wrapped;
use std::fmt::{Display, Write};

/// What a piece of text is; the page knows the colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// An address.
    Address,
    /// The name of a function or symbol.
    Function,
    /// The name of a file.
    File,
    /// A tracepoint.
    Tracepoint,
    /// A command, option or heading.
    Heading,
    /// Where the cursor is.
    Current,
    /// Why history stopped here: signals, exits.
    Alert,
    /// What matters less.
    Dim,
}

impl Style {
    /// The SGR parameters (ECMA-48, 8.3.117).
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Address => Some("34"),
            Self::Function => Some("33"),
            Self::File => Some("32"),
            Self::Tracepoint => Some("36"),
            Self::Heading | Self::Current => Some("1"),
            Self::Alert => Some("1;31"),
            Self::Dim => Some("2"),
        }
    }
}

/// Bytes of a long page that are handed on together.
const FLOW: usize = 1 << 16;

/// Takes the text of a long page while it is made.
pub trait Flow {
    /// Takes what comes next; false if nobody wants more.
    fn take(&mut self, text: &str) -> bool;
}

/// Text in the making.
pub struct Page<'f> {
    text: String,
    width: Option<usize>,
    color: bool,
    /// The line in the making, if it is to be broken where the page ends.
    wrapped: Option<Wrapped>,
    /// Where the text goes meanwhile, as long as somebody wants it.
    flow: Option<&'f mut dyn Flow>,
    wanted: bool,
}

impl<'f> Page<'f> {
    /// An empty page. Tables are cut to `width` columns, if it is known.
    pub fn new(width: Option<usize>, color: bool) -> Self {
        Self { text: String::new(), width, color, wrapped: None, flow: None, wanted: true }
    }

    /// One whose text goes to `flow` while it is made, but for what [`Self::finish`] gives.
    pub fn flowing(width: Option<usize>, color: bool, flow: &'f mut dyn Flow) -> Self {
        Self { flow: Some(flow), ..Self::new(width, color) }
    }

    /// Whether somebody still wants what is put on it: a long list need not go on otherwise.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Hands on what is there.
    pub fn flush(&mut self) {
        if let Some(flow) = &mut self.flow {
            self.wanted = self.wanted && flow.take(&self.text);
            self.text.clear();
        }
    }

    /// Columns tables may take; `None`: as many as they need.
    pub fn width(&self) -> Option<usize> {
        self.width
    }

    /// Lets the line that begins here be broken between words where the page ends; what follows
    /// is indented by so many columns.
    pub fn wrap(&mut self, indent: usize) -> &mut Self {
        self.wrapped = self.width.map(|_| Wrapped::new(indent));
        self
    }

    /// Appends text in a style. Control characters, which a recorded program
    /// may have put there, are escaped.
    pub fn put(&mut self, style: Style, text: impl Display) -> &mut Self {
        let text = escape(&text.to_string());
        match &mut self.wrapped {
            Some(line) => line.put(style, text),
            None => self.push(style, &text),
        }
        self
    }

    /// Appends a line of text that was escaped.
    pub(super) fn escaped(&mut self, style: Style, text: &str) {
        self.push(style, text);
        self.end();
    }

    fn push(&mut self, style: Style, text: &str) {
        match style.code().filter(|_| self.color) {
            Some(code) => {
                let _ = write!(self.text, "\x1b[{code}m{text}\x1b[0m");
            }
            None => self.text.push_str(text),
        }
    }

    /// Appends text as it is.
    pub fn plain(&mut self, text: impl Display) -> &mut Self {
        self.put(Style::Plain, text)
    }

    /// Ends the line.
    pub fn end(&mut self) {
        let lines = self.wrapped.take().map(|line| line.lines(self.width.unwrap_or(usize::MAX)));
        for (number, line) in lines.into_iter().flatten().enumerate() {
            if number > 0 {
                self.text.push('\n');
            }
            line.iter().for_each(|(style, text)| self.push(*style, text));
        }
        self.text.push('\n');
        if self.text.len() >= FLOW {
            self.flush();
        }
    }

    /// Appends a plain line.
    pub fn line(&mut self, text: impl Display) {
        self.plain(text).end();
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }
}

/// `text` with control characters (tabs aside) as `\x1b`: recorded bytes must
/// not reach the terminal as commands.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    escape_into(&mut escaped, text);
    escaped
}

/// The same, behind what is in `out`; whether that took nothing, as all is ASCII and as it was.
pub(super) fn escape_into(out: &mut String, text: &str) -> bool {
    // Many cells are short: without a branch for each byte.
    let odd = |byte: u8| !matches!(byte, b' '..=b'~' | b'\t');
    if !text.bytes().fold(false, |any, byte| any | odd(byte)) {
        out.push_str(text);
        return true;
    }
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_text_cannot_command_the_terminal() {
        let mut page = Page::new(None, false);
        page.put(Style::File, "a\x1b[2Jb\tc");
        assert_eq!(page.finish(), "a\\x1b[2Jb\tc");
    }

    #[test]
    fn colours_are_left_out_when_off() {
        let mut page = Page::new(None, true);
        page.put(Style::Alert, "x").plain("y").end();
        assert_eq!(page.finish(), "\x1b[1;31mx\x1b[0my\n");
    }
}
