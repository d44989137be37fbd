//! Policy → instructions: a binary tree over ranges of numbers, argument checks at its leaves (seccomp(2), BPF).

use super::SockFilter;
use super::policy::{Action, Comparison, Condition, Policy, Verdict};
use super::table::AUDIT_ARCH;
use crate::failure::{Failure, FailureCode};

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_EQUAL: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
const ARCH_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;
/// Calls of the x32 ABI carry this bit; none is allowed.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;
/// No call at all: how a tracer makes the kernel leave one out (ptrace(2)). As unknown as any other number.
#[cfg(target_arch = "x86_64")]
const NO_CALL: u32 = u32::MAX;
/// The kernel's limit (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4096;

/// Assembles the filter. Unknown architectures and the x32 ABI are killed before anything else.
pub(crate) fn assemble(policy: &Policy) -> Result<Vec<SockFilter>, Failure> {
    let kill = answer(Action::KillProcess);
    let mut program = vec![statement(LOAD, ARCH_OFFSET), branch(JUMP_EQUAL, AUDIT_ARCH, 1, 0), kill];
    program.push(statement(LOAD, NUMBER_OFFSET));
    #[cfg(target_arch = "x86_64")]
    program.extend([branch(JUMP_GREATER_EQUAL, X32_BIT, 0, 2), branch(JUMP_EQUAL, NO_CALL, 1, 0), kill]);
    program.extend(tree(&ranges(policy)));
    if program.len() > MAX_INSTRUCTIONS {
        let message = format!("seccomp profile: {} instructions, the kernel takes {MAX_INSTRUCTIONS}", program.len());
        return Err(Failure::new(FailureCode::BadRequest, message));
    }
    Ok(program)
}

/// Neighbouring numbers with the same verdict, as (first number, verdict), from 0 on without gaps.
fn ranges(policy: &Policy) -> Vec<(u32, Verdict)> {
    let unknown = Verdict::plain(policy.unknown);
    let mut ranges: Vec<(u32, Verdict)> = Vec::new();
    let mut push = |start: u32, verdict: &Verdict| {
        if ranges.last().is_none_or(|(_, last)| last != verdict) {
            ranges.push((start, verdict.clone()));
        }
    };
    let mut next = 0;
    for (number, verdict) in &policy.verdicts {
        if *number > next {
            push(next, &unknown);
        }
        push(*number, verdict);
        next = number + 1;
    }
    push(next, &unknown);
    ranges
}

fn tree(ranges: &[(u32, Verdict)]) -> Vec<SockFilter> {
    if let [(_, verdict)] = ranges {
        return leaf(verdict);
    }
    let (left, right) = ranges.split_at(ranges.len() / 2);
    let boundary = right[0].0;
    let left = tree(left);
    let right = tree(right);
    let mut program = Vec::with_capacity(left.len() + right.len() + 2);
    if let Ok(offset) = u8::try_from(left.len()) {
        program.push(branch(JUMP_GREATER_EQUAL, boundary, offset, 0));
    } else {
        // A conditional jump reaches 255 instructions; a plain one any number.
        program.push(branch(JUMP_GREATER_EQUAL, boundary, 0, 1));
        program.push(statement(JUMP, u32::try_from(left.len()).unwrap_or(u32::MAX)));
    }
    program.extend(left);
    program.extend(right);
    program
}

fn leaf(verdict: &Verdict) -> Vec<SockFilter> {
    let mut program = Vec::new();
    for rule in &verdict.rules {
        // Each condition falls through when it holds and skips the rest of the rule when it does not.
        let mut tail = vec![answer(rule.action)];
        for condition in rule.conditions.iter().rev() {
            let mut check = check(*condition, tail.len());
            check.extend(tail);
            tail = check;
        }
        program.extend(tail);
    }
    program.push(answer(verdict.otherwise));
    program
}

/// Instructions that fall through if the condition holds, else jump past themselves and `rest` more.
fn check(condition: Condition, rest: usize) -> Vec<SockFilter> {
    let low = ARGUMENTS_OFFSET + 8 * u32::from(condition.argument);
    let high = low + 4;
    let value_low = (condition.value & 0xFFFF_FFFF) as u32;
    let value_high = (condition.value >> 32) as u32;
    let mut code = Emitter { program: Vec::new(), fails: Vec::new(), holds: Vec::new() };
    match condition.comparison {
        Comparison::Masked(mask) => {
            if condition.wide {
                code.load_masked(high, (mask >> 32) as u32);
                code.fail_unless(JUMP_EQUAL, value_high);
            }
            code.load_masked(low, (mask & 0xFFFF_FFFF) as u32);
            code.fail_unless(JUMP_EQUAL, value_low);
        }
        Comparison::Equal => {
            if condition.wide {
                code.load(high);
                code.fail_unless(JUMP_EQUAL, value_high);
            }
            code.load(low);
            code.fail_unless(JUMP_EQUAL, value_low);
        }
        Comparison::NotEqual => {
            if condition.wide {
                code.load(high);
                code.hold_unless(JUMP_EQUAL, value_high);
            }
            code.load(low);
            code.fail_if(JUMP_EQUAL, value_low);
        }
        Comparison::Greater | Comparison::GreaterOrEqual => {
            if condition.wide {
                code.load(high);
                code.hold_if(JUMP_GREATER, value_high);
                code.fail_unless(JUMP_EQUAL, value_high);
            }
            code.load(low);
            let jump = if condition.comparison == Comparison::Greater { JUMP_GREATER } else { JUMP_GREATER_EQUAL };
            code.fail_unless(jump, value_low);
        }
        Comparison::Less | Comparison::LessOrEqual => {
            if condition.wide {
                code.load(high);
                code.fail_if(JUMP_GREATER, value_high);
                code.hold_unless(JUMP_EQUAL, value_high);
            }
            code.load(low);
            let jump = if condition.comparison == Comparison::Less { JUMP_GREATER_EQUAL } else { JUMP_GREATER };
            code.fail_if(jump, value_low);
        }
    }
    code.finish(rest)
}

/// Builds one check; jumps to "holds" (its end) and "fails" (past the rest of the rule) are fixed at the end.
struct Emitter {
    program: Vec<SockFilter>,
    /// (index, on the true branch?)
    fails: Vec<(usize, bool)>,
    holds: Vec<(usize, bool)>,
}

impl Emitter {
    fn load(&mut self, offset: u32) {
        self.program.push(statement(LOAD, offset));
    }

    fn load_masked(&mut self, offset: u32, mask: u32) {
        self.load(offset);
        self.program.push(statement(AND, mask));
    }

    fn jump(&mut self, code: u16, value: u32) -> usize {
        self.program.push(branch(code, value, 0, 0));
        self.program.len() - 1
    }

    fn fail_unless(&mut self, code: u16, value: u32) {
        let at = self.jump(code, value);
        self.fails.push((at, false));
    }

    fn fail_if(&mut self, code: u16, value: u32) {
        let at = self.jump(code, value);
        self.fails.push((at, true));
    }

    fn hold_if(&mut self, code: u16, value: u32) {
        let at = self.jump(code, value);
        self.holds.push((at, true));
    }

    fn hold_unless(&mut self, code: u16, value: u32) {
        let at = self.jump(code, value);
        self.holds.push((at, false));
    }

    fn finish(mut self, rest: usize) -> Vec<SockFilter> {
        let end = self.program.len();
        let mut fix = |(at, on_true): (usize, bool), target: usize| {
            // A rule has at most six conditions of six instructions: the offset fits.
            let offset = u8::try_from(target - at - 1).unwrap_or(u8::MAX);
            let instruction = &mut self.program[at];
            if on_true {
                instruction.jt = offset;
            } else {
                instruction.jf = offset;
            }
        };
        for jump in self.fails {
            fix(jump, end + rest);
        }
        for jump in self.holds {
            fix(jump, end);
        }
        self.program
    }
}

fn answer(action: Action) -> SockFilter {
    // seccomp(2): SECCOMP_RET_*
    let value = match action {
        Action::KillProcess => 0x8000_0000,
        Action::KillThread => 0x0000_0000,
        Action::Trap => 0x0003_0000,
        Action::Errno(errno) => 0x0005_0000 | u32::from(errno),
        Action::Trace(data) => 0x7FF0_0000 | u32::from(data),
        Action::Log => 0x7FFC_0000,
        Action::Allow => 0x7FFF_0000,
    };
    statement(RETURN, value)
}

fn statement(code: u16, k: u32) -> SockFilter {
    SockFilter { code, jt: 0, jf: 0, k }
}

fn branch(code: u16, k: u32, jt: u8, jf: u8) -> SockFilter {
    SockFilter { code, jt, jf, k }
}

#[cfg(test)]
#[path = "program_test.rs"]
mod tests;

#[cfg(test)]
#[path = "random_profile_test.rs"]
mod random_profile_tests;
