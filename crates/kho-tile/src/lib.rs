//! kho-tile
