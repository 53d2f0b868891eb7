//! `f16` and `bf16` of the `half` crate as values of every kind. Both fit an `f64` exactly.

use half::{bf16, f16};
use serde_json::Value;

use super::config::{ConfigValue, float};
use super::metric::MetricValue;
use super::summary::SummaryValue;
use super::table::TableCell;

macro_rules! half_values {
    ($($ty:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl MetricValue for $ty {
            type Field = f64;
            #[inline]
            fn field(&self) -> f64 {
                self.to_f64()
            }
        }

        #[diagnostic::do_not_recommend]
        impl SummaryValue for $ty {
            type Field<'a> = f64;
            #[inline]
            fn field(&self) -> f64 {
                self.to_f64()
            }
        }

        #[diagnostic::do_not_recommend]
        impl ConfigValue for $ty {
            fn config_value(&self) -> Value {
                float(self.to_f64())
            }
        }

        #[diagnostic::do_not_recommend]
        impl TableCell for $ty {
            fn cell(&self) -> Value {
                self.to_f64().cell()
            }
        }
    )*};
}

half_values!(f16, bf16);

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use serde_json::Value;

    use crate::{ConfigValue, MetricValue, SummaryValue, TableCell};

    #[test]
    fn values_are_exact() {
        assert_eq!(MetricValue::field(&f16::from_f32(0.25)).to_bits(), 0.25_f64.to_bits());
        assert_eq!(SummaryValue::field(&bf16::from_f32(1.5)).to_bits(), 1.5_f64.to_bits());
        assert_eq!(f16::MAX.config_value(), Value::from(65504.0));
        assert_eq!(bf16::NAN.cell(), Value::Null);
    }
}
