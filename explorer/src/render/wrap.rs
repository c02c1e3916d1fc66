//! Lines broken between words where the page ends.

use super::Style;

/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Text of one line in the making, in pieces of a style.
#[derive(Debug, Default)]
pub(super) struct Wrapped {
    /// Columns that further lines are indented by.
    pub indent: usize,
    pieces: Vec<(Style, String)>,
}

/// Characters that stay together, or the blanks between such.
struct Token {
    text: Vec<(Style, char)>,
    blank: bool,
}

impl Wrapped {
    /// A line of which nothing is known yet.
    pub fn new(indent: usize) -> Self {
        Self { indent, pieces: Vec::new() }
    }

    /// Appends text.
    pub fn put(&mut self, style: Style, text: String) {
        self.pieces.push((style, text));
    }

    /// The lines of at most `width` columns, in pieces of a style.
    pub fn lines(&self, width: usize) -> Vec<Vec<(Style, String)>> {
        let indent = self.indent.min(width / 2);
        let mut lines = vec![Vec::new()];
        let (mut column, mut begun) = (0, false);
        let mut blanks = Vec::new();
        for token in self.tokens() {
            if token.blank {
                blanks = token.text;
                continue;
            }
            let end = advanced(&token.text, advanced(&blanks, column));
            if end > width && begun {
                lines.push(vec![(Style::Plain, ' '); indent]);
                column = indent;
                blanks.clear();
            }
            for one in blanks.drain(..).chain(token.text) {
                // A word longer than a line goes on in the next.
                if advanced(&[one], column) > width && column > indent {
                    lines.push(vec![(Style::Plain, ' '); indent]);
                    column = indent;
                }
                column = advanced(&[one], column);
                lines.last_mut().into_iter().for_each(|line| line.push(one));
            }
            begun = true;
        }
        lines.iter().map(|line| runs(line)).collect()
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        let all = self.pieces.iter();
        for (style, c) in all.flat_map(|(style, text)| text.chars().map(|c| (*style, c))) {
            let blank = matches!(c, ' ' | '\t');
            match tokens.last_mut().filter(|token| token.blank == blank) {
                Some(token) => token.text.push((style, c)),
                None => tokens.push(Token { text: vec![(style, c)], blank }),
            }
        }
        tokens
    }
}

/// The column behind some characters that begin at one.
fn advanced(text: &[(Style, char)], column: usize) -> usize {
    text.iter().fold(column, |column, (_, c)| match c {
        '\t' => (column / TAB + 1) * TAB,
        _ => column + 1,
    })
}

/// Characters that follow each other in one style, as text.
fn runs(line: &[(Style, char)]) -> Vec<(Style, String)> {
    let same = line.chunk_by(|(a, _), (b, _)| a == b);
    let run = |run: &[(Style, char)]| {
        let style = run.first().map_or(Style::Plain, |(style, _)| *style);
        (style, run.iter().map(|(_, c)| *c).collect())
    };
    same.map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str], indent: usize, width: usize) -> Vec<String> {
        let mut line = Wrapped::new(indent);
        pieces.iter().for_each(|piece| line.put(Style::Plain, (*piece).to_owned()));
        let text = |line: Vec<(Style, String)>| line.into_iter().map(|(_, text)| text).collect();
        line.lines(width).into_iter().map(text).collect()
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(lines(&["short"], 2, 10), ["short"]);
        assert_eq!(lines(&["one two", " three"], 2, 10), ["one two", "  three"]);
        // Pieces without a blank between them are one word.
        assert_eq!(lines(&["one main", "+12"], 2, 9), ["one", "  main+12"]);
        assert_eq!(lines(&["  in\tdented text"], 4, 12), ["  in", "    dented", "    text"]);
    }

    #[test]
    fn longer_words_lose_nothing() {
        let found = lines(&["a ", &"x".repeat(20)], 2, 10);
        assert_eq!(found.iter().map(|line| line.matches('x').count()).sum::<usize>(), 20);
        assert!(found.iter().all(|line| line.chars().count() <= 10), "{found:?}");
    }
}
