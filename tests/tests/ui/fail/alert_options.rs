use ups_track::alert;

fn main() {
    let loss = 0.5;
    alert!();
    alert!(levl = warn, "title");
    alert!(level = warning, "title");
    alert!(wait = 60, "title");
    alert!(level = warn, level = info, "title");
    alert!("title", level = warn);
    alert!(loss);
}
