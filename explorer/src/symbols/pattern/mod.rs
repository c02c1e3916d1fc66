//! Regular expressions over names of functions: what grep -E has, without counts in braces and
//! back references. Matching takes time in proportion to pattern times name (Thompson, CACM 11/6).

mod parse;

use parse::{Node, Parser, Set};

/// Longest pattern, characters.
const LONGEST: usize = 500;

/// A regular expression that was understood.
#[derive(Debug)]
pub struct Pattern {
    program: Vec<Step>,
}

/// One step of the machine that matches.
#[derive(Debug)]
enum Step {
    Take(Set),
    Start,
    End,
    /// Goes on at both.
    Either(usize, usize),
    Jump(usize),
    Done,
}

impl Pattern {
    /// Understands a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.chars().count() > LONGEST {
            return Err(format!("a pattern has at most {LONGEST} characters"));
        }
        let mut parser = Parser::new(text);
        let node = parser.alternatives()?;
        if !parser.is_at_end() {
            return Err("a closing parenthesis has no opening one".to_owned());
        }
        let mut program = Vec::new();
        emit(&node, &mut program);
        program.push(Step::Done);
        Ok(Self { program })
    }

    /// Whether some part of `name` matches.
    pub fn is_in(&self, name: &str) -> bool {
        let mut now = Threads::new(self.program.len());
        let mut next = Threads::new(self.program.len());
        let mut characters = name.chars().peekable();
        let mut at_start = true;
        loop {
            let at_end = characters.peek().is_none();
            if now.add(&self.program, 0, at_start, at_end) {
                return true;
            }
            let Some(character) = characters.next() else { return false };
            let end_next = characters.peek().is_none();
            for step in now.steps.drain(..) {
                let takes =
                    matches!(self.program.get(step), Some(Step::Take(set)) if set.has(character));
                if takes && next.add(&self.program, step + 1, false, end_next) {
                    return true;
                }
            }
            now.seen.fill(false);
            std::mem::swap(&mut now, &mut next);
            at_start = false;
        }
    }
}

/// The steps that wait for the next character.
struct Threads {
    steps: Vec<usize>,
    seen: Vec<bool>,
}

impl Threads {
    fn new(length: usize) -> Self {
        Self { steps: Vec::new(), seen: vec![false; length] }
    }

    /// Adds a step and what follows it without a character; whether that is the end.
    fn add(&mut self, program: &[Step], step: usize, at_start: bool, at_end: bool) -> bool {
        let mut waiting = vec![step];
        while let Some(step) = waiting.pop() {
            match self.seen.get_mut(step) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match program.get(step) {
                Some(Step::Done) => return true,
                Some(Step::Jump(to)) => waiting.push(*to),
                Some(Step::Either(first, second)) => waiting.extend([*second, *first]),
                Some(Step::Start) if at_start => waiting.push(step + 1),
                Some(Step::End) if at_end => waiting.push(step + 1),
                Some(Step::Take(_)) => self.steps.push(step),
                _ => {}
            }
        }
        false
    }
}

fn emit(node: &Node, program: &mut Vec<Step>) {
    match node {
        Node::Take(set) => program.push(Step::Take(set.clone())),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::All(parts) => parts.iter().for_each(|part| emit(part, program)),
        Node::Any(ways) => emit_ways(ways, program),
        Node::Repeat(part, once, more) => {
            let start = program.len();
            if !once {
                program.push(Step::Jump(0));
            }
            emit(part, program);
            if *more {
                let end = program.len() + 1;
                program.push(Step::Either(start, end));
            }
            let end = program.len();
            if let Some(first) = program.get_mut(start).filter(|_| !once) {
                *first = Step::Either(start + 1, end);
            }
        }
    }
}

fn emit_ways(ways: &[Node], program: &mut Vec<Step>) {
    let Some((last, others)) = ways.split_last() else { return };
    let mut jumps = Vec::new();
    for way in others {
        let choice = program.len();
        program.push(Step::Jump(0));
        emit(way, program);
        jumps.push(program.len());
        program.push(Step::Jump(0));
        let next = program.len();
        if let Some(step) = program.get_mut(choice) {
            *step = Step::Either(choice + 1, next);
        }
    }
    emit(last, program);
    let end = program.len();
    for jump in jumps {
        if let Some(step) = program.get_mut(jump) {
            *step = Step::Jump(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().is_in(name)
    }

    #[test]
    fn patterns_match_parts_of_names() {
        for (pattern, there, absent) in [
            ("add", "my_add_all", "ad"),
            ("^add$", "add", "add_"),
            ("^(read|write)_?", "write_all", "rewrite"),
            ("a.c", "xabcx", "ac"),
            ("ab*c", "ac", "adc"),
            ("ab+c", "abbc", "ac"),
            ("^ab?c$", "ac", "abbc"),
            ("^(ab)+$", "ababab", "aba"),
            ("^[a-c_]+$", "a_cb", "abd"),
            ("[^a-z:]", "aBc", "abc"),
            ("[]x]", "]", "y"),
            ("[a-]$", "-", "b"),
            (r"^\w+::\d\.", "std::1.", "std::x."),
            ("^$", "", "a"),
            ("", "anything", "\u{0}never"),
            ("(|x)y", "y", "x"),
        ] {
            assert!(is(pattern, there), "{pattern} {there}");
            assert_eq!(is(pattern, absent), pattern.is_empty(), "{pattern} {absent}");
        }
    }

    #[test]
    fn nothing_takes_long() {
        let hard = "(a*)*".repeat(30) + "b";
        assert!(!is(&hard, &"a".repeat(2000)));
        assert!(is(&"a?".repeat(100), &"a".repeat(100)));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for wrong in ["(", ")", "[a", "*", "a|+", "\\", "\\q", "a{2}", "[z-a]", "[\\D]"] {
            assert!(Pattern::new(wrong).is_err(), "{wrong}");
        }
        assert!(Pattern::new(&"(".repeat(400)).is_err());
        assert!(Pattern::new(&"a".repeat(501)).is_err());
    }

    /// By trying all ways, as the definition has it.
    fn slowly(node: &Node, name: &[char], from: usize) -> Vec<usize> {
        let mut ends = match node {
            Node::Take(set) => match name.get(from) {
                Some(character) if set.has(*character) => vec![from + 1],
                _ => Vec::new(),
            },
            Node::Start => (from == 0).then_some(from).into_iter().collect(),
            Node::End => (from == name.len()).then_some(from).into_iter().collect(),
            Node::All(parts) => parts.iter().fold(vec![from], |ends, part| {
                ends.into_iter().flat_map(|end| slowly(part, name, end)).collect()
            }),
            Node::Any(ways) => ways.iter().flat_map(|way| slowly(way, name, from)).collect(),
            Node::Repeat(part, once, more) => {
                let (mut all, mut last) = (vec![from], vec![from]);
                let rounds = if *more { name.len() + 1 } else { 1 };
                for round in 0..rounds {
                    last = last.iter().flat_map(|end| slowly(part, name, *end)).collect();
                    last.sort_unstable();
                    last.dedup();
                    if round == 0 && *once {
                        all.clear();
                    }
                    all.extend(&last);
                }
                all
            }
        };
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    proptest::proptest! {
        #[test]
        fn the_machine_finds_what_trying_all_ways_finds(
            pattern in "[ab.|()*+?^$]{0,8}", name in "[abc]{0,6}",
        ) {
            let Ok(compiled) = Pattern::new(&pattern) else { return Ok(()) };
            let mut parser = Parser::new(&pattern);
            let node = parser.alternatives().unwrap();
            let characters: Vec<char> = name.chars().collect();
            let any = (0..=characters.len()).any(|from| !slowly(&node, &characters, from).is_empty());
            proptest::prop_assert_eq!(compiled.is_in(&name), any);
        }
    }
}
