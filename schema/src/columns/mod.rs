//! The column codec: rows and path of a chunk as compressible byte columns.

mod distinct;
mod lane;
mod path;
mod periods;
mod predictor;
mod slots;

pub use lane::TILE_ROWS;
pub use path::{DecodedPath, EncodedPath, PathEncoder, decode_path};
pub use slots::{CLASSES, Lane, RowEncoder, decode_rows};
