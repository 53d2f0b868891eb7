use ups_track::file;

fn main() {
    file!();
    file!("model.bin", policy = nov);
    file!("model.bin", police = now);
    file!(3);
}
