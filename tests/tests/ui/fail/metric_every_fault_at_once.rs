use ups_track::metric;

fn main() {
    let loss = 0.5;
    metric!(_a = loss, b = 1.0, loss, loss = "text");
}
