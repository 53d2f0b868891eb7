//! The machine and program, as `wandb-metadata.json` has them: W&B's message in full, in its JSON form.

use std::collections::BTreeMap;

use prost::Message;
use serde::{Serialize, Serializer};

use crate::log::record::Timestamp;

type Text = String;

/// All of W&B's `EnvironmentRecord`.
#[derive(Clone, PartialEq, Message, Serialize)]
pub(crate) struct Environment {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "no")]
    os: Text,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "no")]
    python: Text,
    #[prost(message, optional, tag = "3")]
    #[serde(rename = "startedAt", skip_serializing_if = "no", serialize_with = "moment")]
    started_at: Option<Timestamp>,
    #[prost(string, tag = "4")]
    #[serde(skip_serializing_if = "no")]
    docker: Text,
    #[prost(string, repeated, tag = "5")]
    #[serde(skip_serializing_if = "no")]
    args: Vec<Text>,
    #[prost(string, tag = "6")]
    #[serde(skip_serializing_if = "no")]
    pub(super) program: Text,
    #[prost(string, tag = "7")]
    #[serde(rename = "codePath", skip_serializing_if = "no")]
    code_path: Text,
    #[prost(string, tag = "8")]
    #[serde(rename = "codePathLocal", skip_serializing_if = "no")]
    code_path_local: Text,
    #[prost(message, optional, tag = "9")]
    #[serde(skip_serializing_if = "no")]
    git: Option<Git>,
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "no")]
    email: Text,
    #[prost(string, tag = "11")]
    #[serde(skip_serializing_if = "no")]
    root: Text,
    #[prost(string, tag = "12")]
    #[serde(skip_serializing_if = "no")]
    host: Text,
    #[prost(string, tag = "13")]
    #[serde(skip_serializing_if = "no")]
    username: Text,
    #[prost(string, tag = "14")]
    #[serde(skip_serializing_if = "no")]
    executable: Text,
    #[prost(string, tag = "15")]
    #[serde(skip_serializing_if = "no")]
    colab: Text,
    #[prost(uint32, tag = "16")]
    #[serde(skip_serializing_if = "no")]
    cpu_count: u32,
    #[prost(uint32, tag = "17")]
    #[serde(skip_serializing_if = "no")]
    cpu_count_logical: u32,
    #[prost(string, tag = "18")]
    #[serde(rename = "gpu", skip_serializing_if = "no")]
    gpu_type: Text,
    #[prost(uint32, tag = "19")]
    #[serde(skip_serializing_if = "no")]
    gpu_count: u32,
    #[prost(btree_map = "string, message", tag = "20")]
    #[serde(skip_serializing_if = "no")]
    disk: BTreeMap<Text, Disk>,
    #[prost(message, optional, tag = "21")]
    #[serde(skip_serializing_if = "no")]
    memory: Option<Memory>,
    #[prost(message, optional, tag = "22")]
    #[serde(skip_serializing_if = "no")]
    cpu: Option<Cpu>,
    #[prost(message, optional, tag = "23")]
    #[serde(skip_serializing_if = "no")]
    apple: Option<Apple>,
    #[prost(message, repeated, tag = "24")]
    #[serde(skip_serializing_if = "no")]
    gpu_nvidia: Vec<Nvidia>,
    #[prost(string, tag = "25")]
    #[serde(rename = "cudaVersion", skip_serializing_if = "no")]
    cuda_version: Text,
    #[prost(message, repeated, tag = "26")]
    #[serde(skip_serializing_if = "no")]
    gpu_amd: Vec<Amd>,
    #[prost(btree_map = "string, string", tag = "27")]
    #[serde(skip_serializing_if = "no")]
    slurm: BTreeMap<Text, Text>,
    #[prost(message, optional, tag = "28")]
    #[serde(skip_serializing_if = "no")]
    trainium: Option<Trainium>,
    #[prost(message, optional, tag = "29")]
    #[serde(skip_serializing_if = "no")]
    tpu: Option<Tpu>,
    #[prost(message, optional, tag = "30")]
    #[serde(skip_serializing_if = "no")]
    coreweave: Option<CoreWeave>,
    #[prost(string, tag = "199")]
    #[serde(rename = "writerId", skip_serializing_if = "no")]
    writer_id: Text,
}

/// Declares a message that the environment is made of; its JSON names are in camel case.
macro_rules! message {
    ($name:ident { $($(#[$attribute:meta])* $field:ident : $type:ty,)* }) => {
        #[derive(Clone, PartialEq, Eq, Message, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $($(#[$attribute])* #[serde(skip_serializing_if = "no")] $field: $type,)*
        }
    };
}

message!(Git {
    #[prost(string, tag = "1")]
    #[serde(rename = "remote")]
    remote_url: Text,
    #[prost(string, tag = "2")]
    commit: Text,
});
message!(Disk {
    #[prost(uint64, tag = "1")]
    #[serde(serialize_with = "as_text")]
    total: u64,
    #[prost(uint64, tag = "2")]
    #[serde(serialize_with = "as_text")]
    used: u64,
});
message!(Memory {
    #[prost(uint64, tag = "1")]
    #[serde(serialize_with = "as_text")]
    total: u64,
});
message!(Cpu {
    #[prost(uint32, tag = "1")]
    count: u32,
    #[prost(uint32, tag = "2")]
    count_logical: u32,
    #[prost(string, tag = "3")]
    model: Text,
});
message!(Apple {
    #[prost(string, tag = "1")]
    name: Text,
    #[prost(uint32, tag = "2")]
    ecpu_cores: u32,
    #[prost(uint32, tag = "3")]
    pcpu_cores: u32,
    #[prost(uint32, tag = "4")]
    gpu_cores: u32,
    #[prost(uint32, tag = "5")]
    memory_gb: u32,
    #[prost(uint64, tag = "6")]
    #[serde(serialize_with = "as_text")]
    swap_total_bytes: u64,
    #[prost(uint64, tag = "7")]
    #[serde(serialize_with = "as_text")]
    ram_total_bytes: u64,
    #[prost(string, tag = "8")]
    mac_model: Text,
});
message!(Nvidia {
    #[prost(string, tag = "1")]
    name: Text,
    #[prost(uint64, tag = "2")]
    #[serde(serialize_with = "as_text")]
    memory_total: u64,
    #[prost(uint32, tag = "3")]
    cuda_cores: u32,
    #[prost(string, tag = "4")]
    architecture: Text,
    #[prost(string, tag = "5")]
    uuid: Text,
    #[prost(string, tag = "6")]
    pci_bus_id: Text,
    #[prost(uint32, tag = "7")]
    numa_node: u32,
});
message!(Amd {
    #[prost(string, tag = "1")]
    id: Text,
    #[prost(string, tag = "2")]
    unique_id: Text,
    #[prost(string, tag = "3")]
    vbios_version: Text,
    #[prost(string, tag = "4")]
    performance_level: Text,
    #[prost(string, tag = "5")]
    gpu_overdrive: Text,
    #[prost(string, tag = "6")]
    gpu_memory_overdrive: Text,
    #[prost(string, tag = "7")]
    max_power: Text,
    #[prost(string, tag = "8")]
    series: Text,
    #[prost(string, tag = "9")]
    model: Text,
    #[prost(string, tag = "10")]
    vendor: Text,
    #[prost(string, tag = "11")]
    sku: Text,
    #[prost(string, tag = "12")]
    sclk_range: Text,
    #[prost(string, tag = "13")]
    mclk_range: Text,
});
message!(Trainium {
    #[prost(string, tag = "1")]
    name: Text,
    #[prost(string, tag = "2")]
    vendor: Text,
    #[prost(uint32, tag = "3")]
    neuron_device_count: u32,
    #[prost(uint32, tag = "4")]
    neuroncore_per_device_count: u32,
});
message!(Tpu {
    #[prost(string, tag = "1")]
    name: Text,
    #[prost(uint32, tag = "2")]
    hbm_gib: u32,
    #[prost(uint32, tag = "3")]
    devices_per_chip: u32,
    #[prost(uint32, tag = "4")]
    count: u32,
});
message!(CoreWeave {
    #[prost(string, tag = "1")]
    cluster_name: Text,
    #[prost(string, tag = "2")]
    org_id: Text,
    #[prost(string, tag = "3")]
    region: Text,
});

impl Environment {
    /// Adds what a later record says, as messages are merged.
    pub(super) fn merge_later(&mut self, later: &Self) {
        // What was encoded here decodes.
        drop(self.merge(later.encode_to_vec().as_slice()));
    }

    /// Who wrote the run, if the record says.
    pub(super) fn writer(&self) -> &str {
        &self.writer_id
    }
}

/// Whether a field is not there: protobuf's JSON leaves out what is empty.
fn no<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// 64-bit numbers are texts in protobuf's JSON.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn as_text<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn moment<S: Serializer>(value: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    let value = value.unwrap_or_default();
    let micros = value.nanos.clamp(0, 999_999_999) / 1000;
    serializer.serialize_str(&format!("{}Z", super::console::utc_micros(value.seconds, micros)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_json_is_that_of_protobuf() {
        let mut environment = Environment {
            os: "Linux".to_owned(),
            started_at: Some(Timestamp { seconds: 1_767_225_600, nanos: 5_000_000 }),
            cpu_count: 4,
            memory: Some(Memory { total: 1 << 40 }),
            args: vec!["a".to_owned()],
            ..Environment::default()
        };
        environment.merge_later(&Environment {
            os: "Linux 6".to_owned(),
            gpu_nvidia: vec![Nvidia {
                name: "H".to_owned(),
                memory_total: 5,
                cuda_cores: 7,
                ..Nvidia::default()
            }],
            disk: BTreeMap::from([("/".to_owned(), Disk { total: 2, used: 1 })]),
            ..Environment::default()
        });
        let expected = json!({
            "os": "Linux 6", "startedAt": "2026-01-01T00:00:00.005000Z", "cpu_count": 4, "args": ["a"],
            "memory": {"total": "1099511627776"}, "disk": {"/": {"total": "2", "used": "1"}},
            "gpu_nvidia": [{"name": "H", "memoryTotal": "5", "cudaCores": 7}],
        });
        assert_eq!(serde_json::to_value(&environment).unwrap(), expected);
    }
}
