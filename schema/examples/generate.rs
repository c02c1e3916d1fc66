//! Regenerates `src/trace_capnp.rs` from `trace.capnp`; needs the `capnp` tool.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = std::env::args_os().nth(1).map_or_else(|| schema.join("src"), Into::into);
    capnpc::CompilerCommand::new()
        .src_prefix(schema)
        .file(schema.join("trace.capnp"))
        .output_path(output)
        .run()?;
    Ok(())
}
