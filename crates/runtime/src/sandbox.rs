//! Sandbox: spec → namespaces, mounts, identity, exec.
