//! What fuzz targets are fed with besides bytes.

pub mod plan;
