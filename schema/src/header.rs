//! What a trace says of its origin.

use crate::event::ProcessStart;

/// The first frame of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Name and version of the recorder.
    pub recorder: String,
    /// `step` or `translate`.
    pub engine: String,
    /// argv of the recorder.
    pub command_line: Vec<Vec<u8>>,
    /// Recording options as (name, value).
    pub options: Vec<(String, String)>,
    /// The machine.
    pub host: Host,
    /// The process at state 0.
    pub start: ProcessStart,
}

/// The machine a trace was recorded on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// uname: system, release, version, machine.
    pub system: String,
    /// Its name.
    pub name: String,
    /// CPU model.
    pub cpu_model: String,
    /// CPU flags as in /proc/cpuinfo.
    pub cpu_features: Vec<String>,
    /// Enabled state components (XCR0).
    pub xcr0: u64,
    /// Places of the state components in the standard XSAVE layout.
    pub xsave_components: Vec<XsaveComponent>,
    /// When recording began, nanoseconds since the epoch.
    pub start_time: u64,
}

impl Host {
    /// Whether the processor is of AMD's make.
    pub fn is_amd(&self) -> bool {
        self.cpu_model.contains("AMD")
    }

    /// Whether saved states keep the x87 pointers (FIP, FDP, FOP) at all times. AMD's processors
    /// save them only while an exception is pending (AMD64 APM vol. 2, FXSAVE and FXRSTOR), so
    /// that every switch of tasks loses them.
    pub fn keeps_x87_pointers(&self) -> bool {
        !self.is_amd()
    }
}

/// Place of a state component: CPUID leaf 0xD (Intel SDM vol. 1, 13.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XsaveComponent {
    /// Component number.
    pub number: u8,
    /// Offset in the standard layout, bytes.
    pub offset: u32,
    /// Size, bytes.
    pub size: u32,
    /// ECX of the sub-leaf.
    pub flags: u32,
}

/// What is known of a mapped ELF file; its bytes have a frame of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// What mappings name it by.
    pub index: u32,
    /// Path as mapped.
    pub path: Vec<u8>,
    /// GNU build-id; empty if it has none.
    pub build_id: Vec<u8>,
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// Modification time, nanoseconds since the epoch.
    pub modified: i64,
    /// Its size, bytes.
    pub size: u64,
}
