//! The checked-in code is what the `capnp` tool and `capnpc` make of `trace.capnp`.

use std::io::Write;
use std::path::Path;
use std::process::Command;

#[test]
fn the_generated_code_is_up_to_date() {
    if !Command::new("capnp").arg("--version").output().is_ok_and(|said| said.status.success()) {
        // Past the test runner's capture of output: a skipped check should be seen.
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED the_generated_code_is_up_to_date: `capnp` is not installed ***"
        );
        return;
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = tempfile::tempdir().expect("a folder");
    capnpc::CompilerCommand::new()
        .src_prefix(schema)
        .file(schema.join("trace.capnp"))
        .output_path(output.path())
        .run()
        .expect("capnp compiles the schema");
    let read = |path: &Path| std::fs::read_to_string(path).expect("generated code");
    let fresh = read(&output.path().join("trace_capnp.rs"));
    let kept = read(&schema.join("src/trace_capnp.rs"));
    // Not assert_eq: it would print twice thirteen thousand lines.
    let lines = fresh.lines().zip(kept.lines()).zip(1..);
    let different = lines.filter(|((fresh, kept), _)| fresh != kept).map(|(_, line)| line).next();
    assert!(
        fresh == kept,
        "src/trace_capnp.rs is not what trace.capnp generates (first difference: line {}); \
         run `cargo run -p rdb-schema --example generate`",
        different.map_or("beyond the shorter one's end".into(), |line| line.to_string())
    );
}
