use ups_track::{Key, config, summary};

const NRMSE: Key = Key::new("eval/nrmse");
const NAME: &str = "name";

fn main() {
    summary!({NRMSE} = 0.1, "eval/nrmse" = 0.2);
    config!({NRMSE} = 0.1, {NRMSE} = 0.2);
    summary!({NAME} = 0.1);
    summary!({NRMSE});
}
