//! What the text of a pattern means.

/// Deepest nesting of parentheses.
const DEEPEST: u32 = 50;

/// Characters: those in one of the ranges, or in none.
#[derive(Clone, Debug)]
pub(super) struct Set {
    ranges: Vec<(char, char)>,
    inverted: bool,
}

/// What a pattern means.
#[derive(Debug)]
pub(super) enum Node {
    Take(Set),
    Start,
    End,
    All(Vec<Node>),
    Any(Vec<Node>),
    /// At least none or one, at most one or any number.
    Repeat(Box<Node>, bool, bool),
}

/// Reads a pattern, character by character.
pub(super) struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    depth: u32,
}

impl Set {
    fn of(ranges: &[(char, char)], inverted: bool) -> Self {
        Self { ranges: ranges.to_vec(), inverted }
    }

    /// Whether a character is one of them.
    pub fn has(&self, character: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&character))
            != self.inverted
    }
}

const DIGITS: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[('\t', '\r'), (' ', ' ')];

impl<'a> Parser<'a> {
    /// Of a text that is not read yet.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable(), depth: 0 }
    }

    /// Whether all of it was read.
    pub fn is_at_end(&mut self) -> bool {
        self.rest.peek().is_none()
    }

    /// Ways with `|` between them.
    pub fn alternatives(&mut self) -> Result<Node, String> {
        let mut ways = vec![self.sequence()?];
        while self.rest.next_if_eq(&'|').is_some() {
            ways.push(self.sequence()?);
        }
        Ok(Node::Any(ways))
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut parts = Vec::new();
        while let Some(character) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let part = self.part(character)?;
            parts.push(self.repeated(part));
        }
        Ok(Node::All(parts))
    }

    /// A part with the `*`, `+` and `?` behind it.
    fn repeated(&mut self, mut part: Node) -> Node {
        while let Some(sign) = self.rest.next_if(|c| matches!(c, '*' | '+' | '?')) {
            // Several say no more than one: `a*?+`.
            let (once, more) = (sign == '+', sign != '?');
            part = match part {
                Node::Repeat(inner, first, further) => {
                    Node::Repeat(inner, first && once, further || more)
                }
                other => Node::Repeat(Box::new(other), once, more),
            };
        }
        part
    }

    fn part(&mut self, character: char) -> Result<Node, String> {
        Ok(match character {
            '^' => Node::Start,
            '$' => Node::End,
            '.' => Node::Take(Set::of(&[], true)),
            '[' => Node::Take(self.set()?),
            '\\' => Node::Take(self.escaped()?),
            '(' => self.group()?,
            '*' | '+' | '?' => return Err(format!("nothing stands before {character}")),
            '{' => return Err("counts in braces are not understood".to_owned()),
            other => Node::Take(Set::of(&[(other, other)], false)),
        })
    }

    fn group(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("more than {DEEPEST} parentheses in each other"));
        }
        let inner = self.alternatives()?;
        self.depth -= 1;
        match self.rest.next() {
            // A group, so that what stands behind repeats all of it.
            Some(')') => Ok(Node::All(vec![inner])),
            _ => Err("a parenthesis is not closed".to_owned()),
        }
    }

    fn escaped(&mut self) -> Result<Set, String> {
        let character = self.rest.next().ok_or("nothing stands behind \\")?;
        Ok(match character {
            'd' => Set::of(DIGITS, false),
            'D' => Set::of(DIGITS, true),
            'w' => Set::of(WORD, false),
            'W' => Set::of(WORD, true),
            's' => Set::of(SPACE, false),
            'S' => Set::of(SPACE, true),
            other if other.is_alphanumeric() => {
                return Err(format!("\\{other} is not understood"));
            }
            other => Set::of(&[(other, other)], false),
        })
    }

    /// What stands in brackets.
    fn set(&mut self) -> Result<Set, String> {
        const OPEN: &str = "a bracket is not closed";
        let inverted = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let first = match self.rest.next().ok_or(OPEN)? {
                ']' if !ranges.is_empty() => return Ok(Set { ranges, inverted }),
                '\\' => match self.escaped()? {
                    Set { ranges: own, inverted: false } => match own.as_slice() {
                        [(one, last)] if one == last => *one,
                        _ => {
                            ranges.extend(own);
                            continue;
                        }
                    },
                    _ => return Err("\\D, \\W and \\S cannot stand in brackets".to_owned()),
                },
                other => other,
            };
            let mut ahead = self.rest.clone();
            if ahead.next() != Some('-') || ahead.peek().is_none_or(|next| *next == ']') {
                ranges.push((first, first));
                continue;
            }
            self.rest.next();
            let last = self.rest.next().ok_or(OPEN)?;
            if last < first {
                return Err(format!("{first}-{last} is no range"));
            }
            ranges.push((first, last));
        }
    }
}
