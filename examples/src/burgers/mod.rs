//! The viscous Burgers' equation in one dimension, solved, checked and learned.
//!
//! ```text
//! u_t + u u_x = nu u_xx,    x in [0, 1) periodic,    t >= 0
//! ```
//!
//! Everything is dimensionless: the domain has length 1, a velocity of 1 crosses it in a time of 1,
//! and `nu` is the inverse of the Reynolds number. A field on the grid is a `&[f64]` of point values
//! at `x_i = i / n`.
//!
//! * [`waves`]: the initial conditions, trigonometric polynomials;
//! * [`solver`]: a conservative WENO scheme, fourth order in space and time;
//! * [`exact`]: the Cole–Hopf solution, which the solver is tested against;
//! * [`data`]: seeded pairs `(u(0), u(T))`;
//! * [`operator`]: trains a [`Network`](crate::network::Network) to map `u(0) -> u(T)` on such pairs;
//! * [`score`]: how far a prediction is from the truth.

pub mod data;
pub mod exact;
pub mod operator;
pub mod score;
pub mod solver;
pub mod waves;
mod weno;

pub use data::{DataConfig, Dataset, Pair};
pub use operator::{Epoch, Step, Trainer, TrainerConfig};
pub use score::Score;
pub use solver::Solver;
pub use waves::Waves;
