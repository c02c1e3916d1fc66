//! The functions that allocate and free, and what their arguments mean.

use serde::Serialize;

/// What one of them does with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Allocates as many bytes as the argument of this index says.
    Allocate(usize),
    /// Allocates the product of these two arguments.
    AllocateProduct(usize, usize),
    /// Frees its first argument, and allocates as many bytes as its second says.
    Reallocate,
    /// The same with the product of its second and third.
    ReallocateProduct,
    /// Allocates as many bytes as its third argument says; their address is stored where its
    /// first points to.
    Store,
    /// Frees its first argument.
    Free,
}

/// Functions that belong together: what one allocates, one of the same family has to free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// malloc and its kin, which free gives back.
    Malloc,
    /// C++'s operator new, of which operator delete is the counterpart.
    New,
    /// Its operator new\[\], of which operator delete\[\] is.
    NewArray,
}

/// A function of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its symbol.
    pub symbol: &'static str,
    /// Its name, as people write it.
    pub name: &'static str,
    /// What it does.
    pub action: Action,
    /// What it belongs to.
    pub family: Family,
}

const fn c(symbol: &'static str, action: Action) -> Function {
    Function { symbol, name: symbol, action, family: Family::Malloc }
}

const fn new(symbol: &'static str) -> Function {
    let action = Action::Allocate(0);
    Function { symbol, name: "operator new", action, family: Family::New }
}

const fn new_array(symbol: &'static str) -> Function {
    let action = Action::Allocate(0);
    Function { symbol, name: "operator new[]", action, family: Family::NewArray }
}

const fn delete(symbol: &'static str) -> Function {
    Function { symbol, name: "operator delete", action: Action::Free, family: Family::New }
}

const fn delete_array(symbol: &'static str) -> Function {
    Function { symbol, name: "operator delete[]", action: Action::Free, family: Family::NewArray }
}

/// By symbol (C11, 7.22.3; POSIX.1-2017, posix_memalign; glibc's manual, 3.2.3; C++17, 21.6.2
/// with the names of the Itanium C++ ABI, 5.1), and the names under which allocators that do
/// not replace them have their own.
pub const FUNCTIONS: [Function; 46] = [
    c("malloc", Action::Allocate(0)),
    c("calloc", Action::AllocateProduct(0, 1)),
    c("realloc", Action::Reallocate),
    c("reallocarray", Action::ReallocateProduct),
    c("aligned_alloc", Action::Allocate(1)),
    c("memalign", Action::Allocate(1)),
    c("posix_memalign", Action::Store),
    c("valloc", Action::Allocate(0)),
    c("pvalloc", Action::Allocate(0)),
    c("free", Action::Free),
    c("cfree", Action::Free),
    c("__libc_malloc", Action::Allocate(0)),
    c("__libc_calloc", Action::AllocateProduct(0, 1)),
    c("__libc_realloc", Action::Reallocate),
    c("__libc_memalign", Action::Allocate(1)),
    c("__libc_free", Action::Free),
    c("mi_malloc", Action::Allocate(0)),
    c("mi_calloc", Action::AllocateProduct(0, 1)),
    c("mi_realloc", Action::Reallocate),
    c("mi_free", Action::Free),
    c("je_malloc", Action::Allocate(0)),
    c("je_calloc", Action::AllocateProduct(0, 1)),
    c("je_realloc", Action::Reallocate),
    c("je_free", Action::Free),
    c("tc_malloc", Action::Allocate(0)),
    c("tc_free", Action::Free),
    new("_Znwm"),
    new("_ZnwmRKSt9nothrow_t"),
    new("_ZnwmSt11align_val_t"),
    new("_ZnwmSt11align_val_tRKSt9nothrow_t"),
    new_array("_Znam"),
    new_array("_ZnamRKSt9nothrow_t"),
    new_array("_ZnamSt11align_val_t"),
    new_array("_ZnamSt11align_val_tRKSt9nothrow_t"),
    delete("_ZdlPv"),
    delete("_ZdlPvm"),
    delete("_ZdlPvRKSt9nothrow_t"),
    delete("_ZdlPvSt11align_val_t"),
    delete("_ZdlPvmSt11align_val_t"),
    delete("_ZdlPvSt11align_val_tRKSt9nothrow_t"),
    delete_array("_ZdaPv"),
    delete_array("_ZdaPvm"),
    delete_array("_ZdaPvRKSt9nothrow_t"),
    delete_array("_ZdaPvSt11align_val_t"),
    delete_array("_ZdaPvmSt11align_val_t"),
    delete_array("_ZdaPvSt11align_val_tRKSt9nothrow_t"),
];

impl Function {
    /// Whether its symbol is one that libraries keep for themselves.
    pub fn is_internal(&self) -> bool {
        self.symbol.starts_with("__")
    }

    /// The function with one of these symbols, if it returns what it allocates.
    pub fn returning(symbols: &[String]) -> Option<Self> {
        let named = |function: &Self| symbols.iter().any(|symbol| symbol == function.symbol);
        let found = FUNCTIONS.into_iter().find(named)?;
        (!matches!(found.action, Action::Store | Action::Free)).then_some(found)
    }

    /// The arguments of a call as people write them: `2, 16`.
    pub fn arguments_text(&self, arguments: &[u64; 6]) -> String {
        let [first, second, third, ..] = arguments;
        match self.action {
            Action::Allocate(0) | Action::Free => first.to_string(),
            Action::Allocate(_) | Action::AllocateProduct(..) => format!("{first}, {second}"),
            Action::Reallocate => format!("{first:#x}, {second}"),
            Action::ReallocateProduct => format!("{first:#x}, {second}, {third}"),
            Action::Store => format!("{first:#x}, {second}, {third}"),
        }
    }
}

impl Action {
    /// The bytes that a call with these arguments asks for.
    pub fn bytes(self, arguments: &[u64; 6]) -> Option<u64> {
        let argument = |index: usize| arguments.get(index).copied();
        match self {
            Self::Allocate(index) => argument(index),
            Self::AllocateProduct(a, b) => argument(a)?.checked_mul(argument(b)?),
            Self::Reallocate => argument(1),
            Self::ReallocateProduct => argument(1)?.checked_mul(argument(2)?),
            Self::Store => argument(2),
            Self::Free => None,
        }
    }

    /// The block that a call with these arguments gives back; a null pointer is none.
    pub fn freed(self, arguments: &[u64; 6]) -> Option<u64> {
        let frees = matches!(self, Self::Reallocate | Self::ReallocateProduct | Self::Free);
        arguments.first().copied().filter(|address| frees && *address != 0)
    }
}
