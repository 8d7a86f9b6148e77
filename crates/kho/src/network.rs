//! `kho network`.
