//! The functions that allocate and free, and what their arguments mean.

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

/// By symbol name (C11, 7.22.3; POSIX.1-2017, posix_memalign; glibc's manual, 3.2.3), and the
/// names under which allocators that do not replace them have their own.
pub const FUNCTIONS: [(&str, Action); 26] = [
    ("malloc", Action::Allocate(0)),
    ("calloc", Action::AllocateProduct(0, 1)),
    ("realloc", Action::Reallocate),
    ("reallocarray", Action::ReallocateProduct),
    ("memalign", Action::Allocate(1)),
    ("aligned_alloc", Action::Allocate(1)),
    ("posix_memalign", Action::Store),
    ("valloc", Action::Allocate(0)),
    ("pvalloc", Action::Allocate(0)),
    ("free", Action::Free),
    ("cfree", Action::Free),
    ("__libc_malloc", Action::Allocate(0)),
    ("__libc_calloc", Action::AllocateProduct(0, 1)),
    ("__libc_realloc", Action::Reallocate),
    ("__libc_memalign", Action::Allocate(1)),
    ("__libc_free", Action::Free),
    ("mi_malloc", Action::Allocate(0)),
    ("mi_calloc", Action::AllocateProduct(0, 1)),
    ("mi_realloc", Action::Reallocate),
    ("mi_free", Action::Free),
    ("je_malloc", Action::Allocate(0)),
    ("je_calloc", Action::AllocateProduct(0, 1)),
    ("je_realloc", Action::Reallocate),
    ("je_free", Action::Free),
    ("tc_malloc", Action::Allocate(0)),
    ("tc_free", Action::Free),
];

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
