#![deny(warnings)]

use ups_track::metric;

fn main() {
    let mut step = 0;
    let mut loss = 1.0;
    while step < 3 {
        loss *= 0.5;
        step += 1;
        metric!(step, loss, n = step * 2);
    }
}
