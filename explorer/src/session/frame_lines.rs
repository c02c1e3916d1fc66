//! Lines as a frame sees them: what is inlined into its function belongs to the line of the call.

use super::LineCode;
use super::line_code::Instance;
use std::rc::Rc;

/// A line, as a frame sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    file: Rc<str>,
    line: u32,
    /// How many inlined copies the code is in, inside of the frame.
    pub inside: usize,
    /// Whether the outermost of them begins there.
    pub begins: bool,
}

impl Seen {
    /// A line by itself.
    pub fn own(line: &LineCode) -> Self {
        Self { file: Rc::clone(&line.file), line: line.line, inside: 0, begins: false }
    }

    /// Whether both are one line.
    pub fn is_line_of(&self, other: &Self) -> bool {
        self.line == other.line && self.file == other.file
    }
}

/// A frame of source, as the function and the inlined copies around its code, outermost first.
#[derive(Debug, Default)]
pub(super) struct StepFrame {
    instances: Vec<Instance>,
}

impl StepFrame {
    /// That of code, outside of `outside` inlined copies.
    pub fn of(line: &LineCode, outside: usize) -> Self {
        let count = line.instances.len().saturating_sub(outside).max(1);
        Self { instances: line.instances.iter().take(count).cloned().collect() }
    }

    /// Whether it is a copy that is inlined, at whatever depth, in `other`.
    pub fn is_inlined_in(&self, other: &Self) -> bool {
        let depth = other.instances.len();
        depth > 0 && depth < self.instances.len() && other.shared(&self.instances) == depth
    }

    /// Leaves it for whichever is next.
    pub fn leave(&mut self) {
        self.instances.clear();
    }

    /// Follows execution to `line`, if that is further out, or in another function. Whether it
    /// is neither.
    pub fn follow(&mut self, line: &LineCode) -> bool {
        let shared = self.shared_with(line);
        let stays = shared == self.instances.len();
        match shared {
            // At its entry, a function has not called anything.
            0 if line.body.is_some() => *self = Self::of(line, usize::MAX),
            0 => *self = Self::of(line, 0),
            shared => self.instances.truncate(shared),
        }
        stays
    }

    /// How it sees a line.
    pub fn sees(&self, line: &LineCode) -> Seen {
        let own = Seen::own(line);
        let depth = self.instances.len();
        if depth == 0 || self.shared_with(line) < depth {
            return own;
        }
        let Some(copy) = line.instances.get(depth) else { return own };
        let inside = line.instances.len() - depth;
        match &copy.call {
            Some((file, line)) => {
                Seen { file: Rc::clone(file), line: *line, inside, begins: copy.begins }
            }
            // Calls of several lines that were made one: of none of them.
            None => Seen { line: 0, inside, ..own },
        }
    }

    /// Whether it has been left, and no other entered yet.
    pub fn is_left(&self) -> bool {
        self.instances.is_empty()
    }

    fn shared_with(&self, line: &LineCode) -> usize {
        self.shared(&line.instances)
    }

    fn shared(&self, instances: &[Instance]) -> usize {
        let pairs = self.instances.iter().zip(instances);
        pairs.take_while(|(own, other)| own.is(other)).count()
    }
}

impl PartialEq for StepFrame {
    /// No frame is one that was left.
    fn eq(&self, other: &Self) -> bool {
        let depth = self.instances.len();
        depth > 0 && depth == other.instances.len() && self.shared(&other.instances) == depth
    }
}
