//! What look-ups answer.

use super::address::ModuleAddr;

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Absolute, as far as the compiler recorded its directory.
    pub file: String,
    /// From 1; 0 if the code belongs to no line.
    pub line: u32,
    /// From 1; 0 if not recorded.
    pub column: u32,
}

/// A function around an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// For people: demangled, without parameters.
    pub name: String,
    /// As the linker knows it, if known.
    pub linkage_name: Option<String>,
    /// Where it is entered.
    pub entry: ModuleAddr,
    /// First address of the contiguous part that contains the address asked
    /// for; differs from `entry` in the cold part of a split function.
    pub start: ModuleAddr,
    /// First address after that part; equals `start` if the size is unknown.
    pub end: ModuleAddr,
}

/// One frame of source: a function, or an inlined copy of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFrame {
    /// Demangled, without parameters, if known.
    pub function: Option<String>,
    /// Where in it execution is; for outer frames, where the inner one is
    /// called.
    pub location: Option<Location>,
    /// Whether the code lies inlined in the next frame's.
    pub inlined: bool,
}

/// A place to break for a function or line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakAddress {
    /// Where to stop: behind the prologue, so that parameters are in place.
    pub address: ModuleAddr,
    /// Where the code begins that is meant: of a function, its entry.
    pub start: ModuleAddr,
    /// The entry of the function, or of the inlined copy.
    pub entry: ModuleAddr,
    /// The function.
    pub function: Option<String>,
    /// Whether this is an inlined copy.
    pub inlined: bool,
    /// The unit and the scope of the function, or of the copy, if that is what was asked for,
    /// not a line.
    pub scope: Option<(usize, usize)>,
    /// Whether this is the resolver of an indirect function (STT_GNU_IFUNC) of that name: what
    /// the name means is what the resolver returned.
    pub resolver: bool,
}

/// Where a pass of a line begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassStart {
    /// The place.
    pub at: BreakAddress,
    /// How a thread has to come there.
    pub arrival: Arrival,
}

/// How a thread comes to a place that begins something there: by the instruction that it executed
/// before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Arrival {
    /// However.
    #[default]
    Any,
    /// By one at these addresses.
    Only(Vec<u64>),
    /// By one at another address than these.
    Except(Vec<u64>),
}

impl Arrival {
    /// Whether the instruction at `before` leads there so.
    pub fn is_by(&self, before: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Only(addresses) => addresses.contains(&before),
            Self::Except(addresses) => !addresses.contains(&before),
        }
    }

    /// The same where the module is mapped with a bias.
    #[must_use]
    pub fn to_runtime(&self, bias: u64) -> Self {
        let all = |addresses: &[u64]| {
            addresses.iter().map(|address| ModuleAddr(*address).to_runtime(bias)).collect()
        };
        match self {
            Self::Any => Self::Any,
            Self::Only(addresses) => Self::Only(all(addresses)),
            Self::Except(addresses) => Self::Except(all(addresses)),
        }
    }
}

/// What a file and line resolved to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineMatch {
    /// The line with code: the one asked for, or the next one that has any.
    /// 0 if there is none.
    pub line: u32,
    /// Whether that is the line asked for.
    pub exact: bool,
    /// The files that matched, absolute; empty if the module has no such
    /// file.
    pub files: Vec<String>,
    /// One for each function, and each inlined copy, that has this line.
    pub addresses: Vec<BreakAddress>,
}
