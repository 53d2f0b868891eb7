//! What each form of `metric!` records: values, keys, order.

use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64,
    NonZeroUsize,
};

use ups_track::testing::{Captured, capture};
use ups_track::{Key, MetricValue, Metrics, metric, track_stage};

const RATE: Key = Key::new("opt/rate");

struct Joules(f64);

impl MetricValue for Joules {
    type Field = f64;
    fn field(&self) -> f64 {
        self.0
    }
}

#[derive(Metrics)]
struct Losses {
    data: f64,
    physics: Option<f32>,
    #[track(flatten, prefix = "inner")]
    inner: Inner,
}

#[derive(Metrics)]
struct Inner {
    count: u8,
}

fn losses() -> Losses {
    Losses { data: 0.5, physics: None, inner: Inner { count: 3 } }
}

/// The only row.
fn row(captured: &Captured) -> Vec<(&str, f64)> {
    assert_eq!(captured.rows.len(), 1);
    assert_eq!((captured.refused, captured.lost), (0, 0));
    captured.rows[0].values.iter().map(|(key, value)| (key.as_str(), *value)).collect()
}

#[test]
fn metrics_come_in_the_order_they_are_written() {
    let (loss, r#type, h) = (0.5_f64, 2.0, Inner { count: 7 });
    let captured = capture(|| {
        metric!(
            loss,
            step = 3,
            r#type,
            "grad/norm" = loss * 2.0,
            count = h.count,
            energy = Joules(7.0),
            call = loss.sqrt(),
        );
    });
    assert_eq!(
        row(&captured),
        [
            ("loss", 0.5),
            ("step", 3.0),
            ("type", 2.0),
            ("grad/norm", 1.0),
            ("count", 7.0),
            ("energy", 7.0),
            ("call", 0.5_f64.sqrt())
        ]
    );
}

#[test]
fn rows_and_constants_come_behind_the_step() {
    let loss = 0.25;
    let captured = capture(|| metric!(step = 1, { RATE } = loss, ..losses()));
    assert_eq!(row(&captured), [("step", 1.0), ("opt/rate", 0.25), ("data", 0.5), ("inner/count", 3.0)]);
    let captured =
        capture(|| metric!(step = 2, loss, ..losses(), ..&[("more", 1_u8)], ..vec![("a".to_owned(), loss)]));
    assert_eq!(
        row(&captured),
        [("step", 2.0), ("loss", 0.25), ("data", 0.5), ("inner/count", 3.0), ("more", 1.0), ("a", 0.25)]
    );
    let none = None::<Losses>;
    let captured = capture(|| metric!(step = 2, loss, ..none));
    assert_eq!(row(&captured), [("step", 2.0), ("loss", 0.25)]);
}

/// A row that stands in the log as an event or as a struct is the same row.
#[test]
fn every_form_is_in_its_stage() {
    #[track_stage("op")]
    fn op() {
        let loss = 0.25;
        metric!(step = 1, loss);
        metric!(step = 2, { RATE } = loss);
        metric!(step = 3, ..losses());
    }
    let captured = capture(op);
    let keys: Vec<_> = captured.rows.iter().map(|row| row.keys()).collect();
    assert_eq!(keys[0], ["op/step", "op/loss"]);
    assert!(keys[1].contains(&"op/opt/rate") && keys[1].contains(&"op/step"), "{keys:?}");
    assert!(keys[2].contains(&"op/inner/count") && keys[2].contains(&"op/step"), "{keys:?}");
    assert_eq!(captured.metric("op/step"), [1.0, 2.0, 3.0]);
}

/// The value of every type at its edges; beyond 2^53 the log has the digits, the test kit a float.
#[test]
fn numbers_of_every_type() {
    macro_rules! check {
        ($($value:expr),* $(,)?) => {$({
            let value = $value;
            let captured = capture(|| metric!(step = 0, value));
            let expected = value.to_string().parse::<f64>().unwrap();
            assert_eq!(captured.metric("value"), [expected], "{}", stringify!($value));
        })*};
    }
    check!(
        u8::MAX,
        u16::MAX,
        u32::MAX,
        u64::MAX,
        usize::MAX,
        u128::MAX,
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
        isize::MIN,
        i128::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        -0.1_f64,
        NonZeroU8::MAX,
        NonZeroU16::MAX,
        NonZeroU32::MAX,
        NonZeroU64::MAX,
        NonZeroUsize::MAX,
        NonZeroI8::MIN,
        NonZeroI16::MIN,
        NonZeroI32::MIN,
        NonZeroI64::MIN,
    );
    let (single, mut exclusive) = (0.1_f32, 3_u8);
    let captured = capture(|| {
        let value = &mut exclusive;
        metric!(
            step = 0,
            single,
            value,
            nested = &&Some(&single),
            absent = None::<&u8>,
            literal = 3_000_000_000 + u64::from(*value)
        );
    });
    let exact = f64::from(0.1_f32);
    assert_eq!(
        row(&captured),
        [("step", 0.0), ("single", exact), ("value", 3.0), ("nested", exact), ("literal", 3_000_000_003.0)]
    );
}

#[test]
fn steps_of_every_type() {
    let captured = capture(|| {
        let loss = 1.0;
        metric!(step = 1_u8, loss);
        metric!(step = -2_i64, loss);
        metric!(step = 0.5, loss);
        metric!(step = 3_usize, loss);
        metric!(step = 5_000_000_000, loss);
        metric!(step = Some(4_u32), loss);
    });
    assert_eq!(captured.metric("step"), [1.0, -2.0, 0.5, 3.0, 5_000_000_000.0, 4.0]);
}
