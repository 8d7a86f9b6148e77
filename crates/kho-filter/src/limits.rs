//! How much a filter may be. A filter comes from anybody on the network.

/// Bytes of a filter as it is sent.
pub const MAX_BYTES: usize = 64 * 1024;
/// Brackets within brackets, and operators within operators.
pub const MAX_DEPTH: usize = 64;
/// Operators and predicates; the items of an `IN` do not count.
pub const MAX_OPERATORS: usize = 1_000;
/// Corners of all geometries together.
pub const MAX_VERTICES: usize = 10_000;
/// Spatial predicates: each may look at every geometry.
pub(crate) const MAX_SPATIAL: usize = 20;
/// Foldings of a column's case or accents: each writes every text anew.
pub(crate) const MAX_FOLDS: usize = 50;
/// Sums, products and so on. They may be chained, and who works them out recurses.
pub(crate) const MAX_SUMS: usize = 200;
/// Characters of a LIKE pattern.
pub(crate) const MAX_PATTERN: usize = 1_000;

/// Steps that the grammar's parser may take. It goes back over brackets that turn out to be something
/// else, in the worst case twice for each level of them. 64 KiB of coordinates take about a million.
pub(crate) const MAX_STEPS: usize = 8_000_000;
/// Stack for parsing and compiling, which recurse: some kilobytes for each of the operators. Only
/// what is touched is ever memory.
pub(crate) const STACK: usize = 64 << 20;
