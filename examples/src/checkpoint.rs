//! Checkpoints: anything that serialises, as a JSON file.

use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes `value` through a temporary file beside `path`: a run that is killed leaves the previous checkpoint or the new
/// one, never half of it.
///
/// # Errors
///
/// Any error of writing or renaming the file.
pub fn save(value: &impl Serialize, path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    let mut partial = OsString::from(path);
    partial.push(".partial");
    fs::write(&partial, serde_json::to_vec(value)?)?;
    fs::rename(&partial, path)
}

/// Reads what [`save`] wrote.
///
/// # Errors
///
/// Any error of reading the file; [`io::ErrorKind::InvalidData`] where it holds something else. Both name the path. A
/// diverged network does not load: JSON has no NaN.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> io::Result<T> {
    let path = path.as_ref();
    let named =
        |kind, error: &dyn std::fmt::Display| io::Error::new(kind, format!("{}: {error}", path.display()));
    let bytes = fs::read(path).map_err(|error| named(error.kind(), &error))?;
    serde_json::from_slice(&bytes).map_err(|error| named(io::ErrorKind::InvalidData, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Network, Shape};

    #[test]
    fn a_checkpoint_gives_the_network_back() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("ups-track-checkpoint-{}.json", std::process::id()));
        let network = Network::new(Shape { conditions: 1, ..Shape::default() }, 2);
        save(&network, &path)?;
        let loaded: Network = load(&path)?;
        assert_eq!(loaded.shape(), network.shape());
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-15;
        assert!(loaded.weights().iter().zip(network.weights()).all(close));

        let cut = serde_json::json!({ "shape": network.shape(), "weights": [0.0, 1.0] });
        save(&cut, &path)?;
        let error = load::<Network>(&path).map(|_| ()).map_err(|error| (error.kind(), error.to_string()));
        let expected = format!("{}: the shape asks for 264 weights, the file holds 2", path.display());
        assert_eq!(error, Err((io::ErrorKind::InvalidData, expected)));
        fs::remove_file(&path)?;
        assert_eq!(
            load::<Network>(&path).map(|_| ()).map_err(|error| error.kind()),
            Err(io::ErrorKind::NotFound)
        );
        Ok(())
    }
}
