//! Folded stacks, which flame graph tools read: `outer;inner 42`, a line for every stack, with
//! the instructions executed in it.

use super::{Names, Visitor};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

/// Deepest stack that is told apart, and most stacks; what is beyond counts for the nearest
/// that is.
const DEPTH: usize = 512;
const STACKS: usize = 1 << 20;

/// A stack: its innermost function, and the stack around it.
struct Node {
    outer: Option<u32>,
    function: u32,
    thread: u32,
    instructions: u64,
}

/// Sums up instructions by stack.
#[derive(Default)]
pub struct Folded {
    nodes: Vec<Node>,
    inner: HashMap<(Option<u32>, u32, u32), u32>,
    /// By thread: the stacks that the innermost is nested in, and itself.
    now: BTreeMap<u32, Vec<u32>>,
    calls: u64,
}

impl Folded {
    /// Functions entered.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Writes all stacks; how many there are.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, names: &Names<'_>, out: &mut dyn Write) -> io::Result<u64> {
        let several = self.now.len() > 1;
        let mut count = 0;
        for node in self.nodes.iter().filter(|node| node.instructions > 0) {
            let outer = |node: &&Node| self.nodes.get(node.outer? as usize);
            let stack = std::iter::successors(Some(node), outer).take(DEPTH + 1);
            let mut path: Vec<String> =
                stack.map(|node| plain(names.name(node.function))).collect();
            if several {
                path.push(format!("thread {}", node.thread));
            }
            path.reverse();
            writeln!(out, "{} {}", path.join(";"), node.instructions)?;
            count += 1;
        }
        out.flush()?;
        Ok(count)
    }
}

/// A name without what the format gives a meaning.
fn plain(name: &str) -> String {
    name.replace(';', ":").replace(['\n', '\r'], " ")
}

impl Visitor for Folded {
    fn enter(&mut self, thread: u32, _: u64, function: u32, _: &Names<'_>) -> io::Result<()> {
        self.calls += 1;
        let stack = self.now.entry(thread).or_default();
        let outer = stack.last().copied();
        let key = (outer, thread, function);
        let known = self.inner.get(&key).copied();
        let room = stack.len() < DEPTH && self.nodes.len() < STACKS;
        let node = match (known, outer) {
            (Some(node), _) => node,
            (None, Some(outer)) if !room => outer,
            (None, outer) => {
                let node = self.nodes.len() as u32;
                self.nodes.push(Node { outer, function, thread, instructions: 0 });
                self.inner.insert(key, node);
                node
            }
        };
        stack.push(node);
        Ok(())
    }

    fn leave(&mut self, thread: u32, _: u64) -> io::Result<()> {
        self.now.entry(thread).or_default().pop();
        Ok(())
    }

    fn run(&mut self, thread: u32, instructions: u64) {
        let node = self.now.get(&thread).and_then(|stack| stack.last());
        if let Some(node) = node.and_then(|node| self.nodes.get_mut(*node as usize)) {
            node.instructions += instructions;
        }
    }
}
