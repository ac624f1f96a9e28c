//! Limits that others have published, by name.

/// A preset: its name and the limits of `ttft` and `tpot` in milliseconds.
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) ttft_ms: u64,
    pub(crate) tpot_ms: u64,
}

/// Both limits are of p99. Source: MLPerf Inference, LoadGen's `mlperf.conf`, server scenario.
pub(crate) const PRESETS: [Preset; 8] = [
    Preset { name: "llama2-70b", ttft_ms: 2_000, tpot_ms: 200 },
    Preset { name: "llama2-70b-interactive", ttft_ms: 450, tpot_ms: 40 },
    Preset { name: "llama3.1-405b", ttft_ms: 6_000, tpot_ms: 175 },
    Preset { name: "llama3.1-405b-interactive", ttft_ms: 4_500, tpot_ms: 80 },
    Preset { name: "llama3.1-8b", ttft_ms: 2_000, tpot_ms: 100 },
    Preset { name: "llama3.1-8b-interactive", ttft_ms: 500, tpot_ms: 30 },
    Preset { name: "deepseek-r1", ttft_ms: 2_000, tpot_ms: 80 },
    Preset { name: "deepseek-r1-interactive", ttft_ms: 1_500, tpot_ms: 15 },
];
