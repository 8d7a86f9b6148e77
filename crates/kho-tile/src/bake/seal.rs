//! How a torn archive is known: sixteen bytes at its end.
//!
//! A bake is not forced to the disk before it is moved to its place. It can be made again, to write
//! it out would take longer than to bake what an edit changed, and a crash of the program loses
//! nothing that was written. A power cut may: then the file is shorter than it was, or has holes. The
//! seal is a hash of the head (header and root directory) and of all that comes after the tiles; each
//! tile has a hash of its own among the figures, which the seal covers. So nothing torn is ever
//! answered with: the server makes the tile itself, and the next bake makes the archive anew.

use xxhash_rust::xxh3::Xxh3;

const MAGIC: &[u8; 8] = b"khobake\x01";
/// The size of a seal.
pub(super) const SIZE: usize = 16;

/// The hash of what is before and after the tiles.
pub(super) fn of(head: &[u8], tail: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(head);
    hash.update(tail);
    hash.digest()
}

/// The seal of such a hash.
pub(super) fn bytes(hash: u64) -> [u8; SIZE] {
    let mut out = [0; SIZE];
    out[..8].copy_from_slice(&hash.to_le_bytes());
    out[8..].copy_from_slice(MAGIC);
    out
}

/// The hash at the end of a file, if it has a seal.
pub(super) fn read(file: &[u8]) -> Option<u64> {
    let hash = file.strip_suffix(MAGIC)?.last_chunk()?;
    Some(u64::from_le_bytes(*hash))
}

/// What of a file lies between its tiles, which end at `from`, and the seal.
pub(super) fn sealed(file: &[u8], from: u64) -> Option<&[u8]> {
    file.get(usize::try_from(from).ok()?..file.len().checked_sub(SIZE)?)
}

/// The run of this machine: as long as it lasts, what was written to a file is in the system's hands
/// and whole. A hash of Linux' boot id; `None` elsewhere.
pub(super) fn boot() -> Option<String> {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_come_back() {
        let mut file = b"head tiles tail".to_vec();
        let hash = of(b"head", b" tail");
        assert_eq!(read(&file), None);
        file.extend(bytes(hash));
        assert_eq!((read(&file), sealed(&file, 10)), (Some(hash), Some(&b" tail"[..])));
        assert_eq!(read(&file[..file.len() - 1]), None);
        assert_eq!(sealed(&file, 1 << 40), None);
        assert_ne!(of(b"head", b" tale"), hash);
    }
}
