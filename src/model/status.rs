//! Where a session's bit lies (draft-ietf-oauth-status-list §4).

/// The place of a session in the status lists, which are numbered 1, 2, 3 …; never given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusIndex(pub i64);

impl StatusIndex {
    /// How many sessions share a list. So many hide each session among others; a list is 128 KiB
    /// before it is compressed, and hardly a kilobyte after, as most of its bits are 0. It is always
    /// of full length: a resource server refuses a token whose bit is past the end of its copy.
    pub const PER_LIST: i64 = 1 << 20;
    /// How many are handed out by one process, in random order.
    pub const PER_BLOCK: i64 = 1 << 10;

    pub const fn new(block: i64, slot: i64) -> Self {
        Self(block * Self::PER_BLOCK + slot)
    }

    /// The number of its list.
    pub const fn list(self) -> i64 {
        self.0 / Self::PER_LIST + 1
    }

    /// Its bit in that list: the `idx` of a token.
    pub const fn bit(self) -> i64 {
        self.0 % Self::PER_LIST
    }

    /// The first of a list.
    pub const fn first_of(list: i64) -> Self {
        Self((list - 1) * Self::PER_LIST)
    }
}
