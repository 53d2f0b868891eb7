//! Run ids.

/// Eight random characters from `a-z0-9`, as W&B's own clients make them.
pub(crate) fn generate() -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(8);
    while id.len() < 8 {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // No entropy source: the time and the process still tell runs apart.
            let mix = crate::os::nanos().rotate_left(17)
                ^ u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bytes =
                (u128::from(mix) << 64 | u128::from(mix.wrapping_mul(0xbf58_476d_1ce4_e5b9))).to_le_bytes();
        }
        // 252 is the largest multiple of 36 in a byte: without the rest every character is equally likely.
        let fair = bytes.iter().filter(|byte| **byte < 252);
        id.extend(fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 36))).map(|c| char::from(*c)));
        id.truncate(8);
    }
    id
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_valid_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| super::generate()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 8 && crate::settings::rules::run_id(id).is_ok()));
    }
}
