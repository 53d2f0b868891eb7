use ups_track::metric;

struct Model {
    name: String,
}

impl Model {
    fn label(&self) -> &str {
        &self.name
    }
}

fn main() {
    let (epoch, model) = (1, Model { name: String::new() });
    let name = "burgers";
    metric!(step = epoch, name, label = model.label(), owned = model.name);
}
