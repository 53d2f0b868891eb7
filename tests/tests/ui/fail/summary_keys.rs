use ups_track::summary;

fn main() {
    summary!(nrmse = 0.1, nrmse = 0.2, _wandb = 1);
    summary!();
}
