//! The column codec: rows and path of a chunk as compressible byte columns.

mod path;
mod slots;

pub use path::{EncodedPath, decode_path, encode_path};
pub use slots::{CLASSES, decode_rows, encode_rows};
