//! Seccomp: policy → BPF.
