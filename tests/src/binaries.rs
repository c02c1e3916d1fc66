//! The built `rdb-record` and `rdb-explore`, of the same profile as the running test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the two binaries are.
pub struct Binaries {
    /// `rdb-record`.
    pub record: PathBuf,
    /// `rdb-explore`.
    pub explore: PathBuf,
}

/// Builds both binaries, once per process, and says where they are.
pub fn binaries() -> &'static Binaries {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    BUILT.get_or_init(build)
}

/// Cargo's target folder, in which the running program lies.
pub fn target_directory() -> PathBuf {
    profile_directory().parent().expect("a target folder").to_path_buf()
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's folder")
}

fn profile_directory() -> PathBuf {
    let program = std::env::current_exe().expect("the running program's path");
    let directory = program.parent().expect("its folder");
    let inside = directory.ends_with("deps") || directory.ends_with("examples");
    if inside { directory.parent().expect("a profile folder") } else { directory }.to_path_buf()
}

fn build() -> Binaries {
    let directory = profile_directory();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    cargo.current_dir(workspace()).args(["build", "--quiet", "--bins"]);
    cargo.args(["-p", "rdb-recorder", "-p", "rdb-explorer"]);
    cargo.arg("--target-dir").arg(directory.parent().expect("a target folder"));
    let profile = directory.file_name().expect("a profile's name");
    if profile != "debug" {
        cargo.arg("--profile").arg(profile);
    }
    let status = cargo.status().expect("failed to start cargo");
    assert!(status.success(), "failed to build rdb-record and rdb-explore");
    Binaries { record: directory.join("rdb-record"), explore: directory.join("rdb-explore") }
}
