use ups_track::config;

fn main() {
    config!(lr = 0.1, "lr" = 0.2, " a" = 1);
    config!();
}
