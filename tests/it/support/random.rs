/// Choices of a test that differ from run to run. A run that fails shows its seed, and
/// `MINTMARK_TEST_SEED` makes the same choices again.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let chosen = std::env::var("MINTMARK_TEST_SEED").ok();
        let fresh = || uuid::Uuid::new_v4().as_u64_pair().0;
        let seed = chosen.map_or_else(fresh, |seed| seed.parse().unwrap());
        println!("MINTMARK_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another row of choices, which depends on this one.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap())).unwrap()
    }

    /// The next state of the generator `SplitMix64`, mixed.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
