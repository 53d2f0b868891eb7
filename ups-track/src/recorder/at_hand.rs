//! What a thread has at hand of a recorder: the plans of the rows that it has recorded.

use std::sync::Arc;

use super::Plan;

/// A plan that the thread has used, by the place in the program and the stage that the thread was in.
#[derive(Debug, Clone)]
struct Known {
    site: usize,
    stage: u32,
    plan: Arc<Plan>,
}

impl Known {
    fn is(&self, site: usize, stage: u32) -> bool {
        self.site == site && self.stage == stage
    }
}

/// The plans that a thread has at hand, each in the one place that is its own. Most threads have few sites, so the
/// table begins without places and doubles when two plans want the same one.
#[derive(Debug, Default)]
pub(super) struct Plans {
    places: Vec<Option<Known>>,
}

/// Places of the first table and of the largest; powers of two.
const FEWEST: usize = 4;
const MOST: usize = 128;

impl Plans {
    /// Where a plan is kept. Callsites are statics of at least 16 bytes.
    #[inline]
    fn place(&self, site: usize, stage: u32) -> usize {
        let mixed = (site >> 4) ^ (site >> 11) ^ (stage as usize).wrapping_mul(31);
        // Of an empty table none.
        mixed & self.places.len().wrapping_sub(1)
    }

    #[inline]
    pub(super) fn get(&self, site: usize, stage: u32) -> Option<&Arc<Plan>> {
        let known = self.places.get(self.place(site, stage))?.as_ref()?;
        known.is(site, stage).then_some(&known.plan)
    }

    pub(super) fn learn(&mut self, site: usize, plan: Arc<Plan>) {
        let known = Known { site, stage: plan.stage.id, plan };
        loop {
            let at = self.place(known.site, known.stage);
            let is_largest = self.places.len() >= MOST;
            let is_free =
                |place: &Option<Known>| place.as_ref().is_none_or(|other| other.is(known.site, known.stage));
            match self.places.get_mut(at) {
                Some(place) if is_largest || is_free(place) => return *place = Some(known),
                _ => self.grow(),
            }
        }
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(FEWEST);
        for known in std::mem::replace(&mut self.places, vec![None; places]).into_iter().flatten() {
            // Whoever had a place of its own has one in a larger table.
            let at = self.place(known.site, known.stage);
            if let Some(place) = self.places.get_mut(at) {
                *place = Some(known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MOST, Plan, Plans};
    use crate::recorder::Stage;

    #[test]
    fn plans_stay_at_hand_while_there_is_room() {
        let stage = Stage::root("");
        let mut plans = Plans::default();
        let site = |number: usize| 0x5000_0000 + number * 16;
        for number in 0..MOST {
            assert!(plans.get(site(number), 0).is_none());
            let plan = Arc::new(Plan::new(
                u32::try_from(number).unwrap_or(0),
                Arc::clone(&stage),
                Vec::new(),
                Vec::new(),
            ));
            plans.learn(site(number), plan);
            assert!(plans.places.len() <= (4 * number).clamp(4, MOST), "{number}: {}", plans.places.len());
            for known in 0..=number {
                assert_eq!(plans.get(site(known), 0).map(|plan| plan.id as usize), Some(known));
            }
        }
        let plan = Arc::new(Plan::new(999, stage, Vec::new(), Vec::new()));
        plans.learn(site(MOST), plan);
        assert_eq!(plans.get(site(MOST), 0).map(|plan| plan.id), Some(999));
        assert_eq!(plans.places.len(), MOST);
    }
}
