use super::*;

#[test]
fn a_command_that_cannot_be_executed_is_told_from_other_failures() {
    let cases = [
        (
            "executable file `nothere` not found in $PATH: No such file or directory",
            "nothere",
            Some((FailureCode::CommandNotFound, "exec: \"nothere\": executable file not found in $PATH")),
        ),
        (
            "executable file `/nothere` not found in $PATH: No such file or directory",
            "/nothere",
            Some((FailureCode::CommandNotFound, "exec: \"/nothere\": no such file or directory")),
        ),
        (
            "open executable: Permission denied",
            "/x",
            Some((FailureCode::CommandNotExecutable, "exec: \"/x\": permission denied")),
        ),
        (
            "runc create failed: unable to start container process: exec: \"/x\": permission denied",
            "/x",
            Some((FailureCode::CommandNotExecutable, "exec: \"/x\": permission denied")),
        ),
        (
            "runc create failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory",
            "/x",
            Some((FailureCode::CommandNotFound, "exec: \"/x\": no such file or directory")),
        ),
        ("mount `proc` to `proc`: Operation not permitted", "sh", None),
        ("cgroups in hybrid mode not supported, drop all controllers from cgroupv2", "sh", None),
    ];
    for (reason, command, expected) in cases {
        let explained = explain(reason, command).map(|failure| (failure.code, failure.message));
        assert_eq!(explained, expected.map(|(code, message)| (code, message.to_owned())), "{reason}");
    }
}
