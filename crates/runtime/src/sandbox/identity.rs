//! Who a process is to be: docker's `user[:group]` against the container's own passwd and group files. Pure: files come as bytes.
//! A number is always a number: it is never looked up as a name (CVE-2016-3697), and never wraps (CVE-2024-40635).

use crate::failure::{Failure, FailureCode};
use crate::spec::IdMapping;

/// docker's largest id.
const MAX_ID: u32 = 0x7FFF_FFFF;
/// Longer lines of passwd and group are skipped, as nobody writes them.
const MAX_LINE: usize = 64 * 1024;

/// The identity as numbers, and the home directory for `HOME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups, the primary one first (as docker since CVE-2022-36109).
    pub groups: Vec<u32>,
    pub home: Vec<u8>,
}

/// The container's own files, empty where missing.
pub struct IdentityFiles {
    pub passwd: Vec<u8>,
    pub group: Vec<u8>,
}

enum Word<'a> {
    Number(u32),
    Name(&'a str),
}

/// Resolves `user` (`""`, `name`, `uid`, each with `:group` or `:gid`) and the groups of `--group-add`.
///
/// # Errors
/// `UserNotFound` in docker's words.
pub fn resolve(user: &str, group_add: &[String], files: &IdentityFiles) -> Result<Identity, Failure> {
    let (user_word, group_word) = match user.split_once(':') {
        Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
        None => (user, None),
    };
    let entry = match parse_word(user_word)? {
        Word::Number(uid) => find_user(&files.passwd, |line| line.id == uid).unwrap_or_else(|| UserLine::unnamed(uid)),
        Word::Name(name) => find_user(&files.passwd, |line| line.name == name.as_bytes())
            .ok_or_else(|| not_found(&format!("unable to find user {name}: no matching entries in passwd file")))?,
    };
    let (gid, mut groups) = match group_word {
        Some(group) => (resolve_group(group, files)?, Vec::new()),
        None => (entry.group, member_of(&files.group, &entry.name)),
    };
    groups.insert(0, gid);
    for group in group_add {
        groups.push(resolve_group(group, files)?);
    }
    let mut seen = Vec::new();
    groups.retain(|group| {
        !seen.contains(group) && {
            seen.push(*group);
            true
        }
    });
    Ok(Identity { uid: entry.id, gid, groups, home: entry.home })
}

/// Whether somebody in passwd has this number.
pub fn knows_user(passwd: &[u8], uid: u32) -> bool {
    find_user(passwd, |line| line.id == uid).is_some()
}

/// Whether somebody in passwd is called so.
pub fn knows_name(passwd: &[u8], name: &str) -> bool {
    find_user(passwd, |line| line.name == name.as_bytes()).is_some()
}

/// Whether a group has this number.
pub fn knows_group(group: &[u8], gid: u32) -> bool {
    lines(group).filter_map(GroupLine::parse).any(|line| line.id == gid)
}

/// Every id must exist in the container's map, else the kernel would refuse it later with less to say.
pub fn ensure_mapped(identity: &Identity, uid_map: &[IdMapping], gid_map: &[IdMapping]) -> Result<(), Failure> {
    let has = |map: &[IdMapping], id: u32| map.iter().any(|line| id >= line.inside && id - line.inside < line.size);
    if !uid_map.is_empty() && !has(uid_map, identity.uid) {
        return Err(not_found(&format!("user id {} is not mapped into the container", identity.uid)));
    }
    if !gid_map.is_empty()
        && let Some(group) = identity.groups.iter().find(|group| !has(gid_map, **group))
    {
        return Err(not_found(&format!("group id {group} is not mapped into the container")));
    }
    Ok(())
}

fn not_found(message: &str) -> Failure {
    Failure::new(FailureCode::UserNotFound, message)
}

fn parse_word(word: &str) -> Result<Word<'_>, Failure> {
    if word.is_empty() {
        return Ok(Word::Number(0));
    }
    if looks_like_number(word) {
        return Err(not_found(&format!("\"{}\" is neither the number nor the name of an id", word.escape_debug())));
    }
    if !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Word::Name(word));
    }
    match word.parse::<u32>() {
        Ok(id) if id <= MAX_ID => Ok(Word::Number(id)),
        _ => Err(not_found(&format!("uids and gids must be in range 0-{MAX_ID}: {word}"))),
    }
}

/// `-1`, `+0`, `0x0`, ` 1`, `1_0`, `１`: somebody's number, which must not find an entry of that name (CVE-2016-3697).
fn looks_like_number(word: &str) -> bool {
    if word.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let bare = word.trim().trim_start_matches(['+', '-']);
    let bare = bare
        .strip_prefix("0x")
        .or_else(|| bare.strip_prefix("0X"))
        .map_or(bare, |hex| if hex.chars().all(|digit| digit.is_ascii_hexdigit()) { "0" } else { bare });
    bare.chars().all(|letter| letter.is_numeric() || letter == '_') && bare.chars().any(char::is_numeric)
}

fn resolve_group(word: &str, files: &IdentityFiles) -> Result<u32, Failure> {
    match parse_word(word)? {
        Word::Number(gid) => Ok(gid),
        Word::Name(name) => lines(&files.group)
            .filter_map(GroupLine::parse)
            .find(|line| line.name == name.as_bytes())
            .map(|line| line.id)
            .ok_or_else(|| not_found(&format!("unable to find group {name}: no matching entries in group file"))),
    }
}

struct UserLine {
    name: Vec<u8>,
    id: u32,
    group: u32,
    home: Vec<u8>,
}

impl UserLine {
    fn unnamed(id: u32) -> Self {
        Self { name: Vec::new(), id, group: 0, home: b"/".to_vec() }
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?.to_vec();
        let id = parse_id(fields.nth(1)?)?;
        let group = parse_id(fields.next()?)?;
        let home = fields.nth(1).unwrap_or_default();
        let home = if home.is_empty() { b"/".to_vec() } else { home.to_vec() };
        (!name.is_empty()).then_some(Self { name, id, group, home })
    }
}

struct GroupLine<'a> {
    name: &'a [u8],
    id: u32,
    members: &'a [u8],
}

impl<'a> GroupLine<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        let id = parse_id(fields.nth(1)?)?;
        Some(Self { name, id, members: fields.next().unwrap_or_default() })
    }
}

fn parse_id(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id <= MAX_ID)
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#' && line.len() <= MAX_LINE)
}

fn find_user(passwd: &[u8], matches: impl Fn(&UserLine) -> bool) -> Option<UserLine> {
    lines(passwd).filter_map(UserLine::parse).find(matches)
}

fn member_of(group: &[u8], user: &[u8]) -> Vec<u32> {
    if user.is_empty() {
        return Vec::new();
    }
    let has_member = |line: &GroupLine<'_>| line.members.split(|byte| *byte == b',').any(|member| member == user);
    lines(group).filter_map(GroupLine::parse).filter(has_member).map(|line| line.id).collect()
}

#[cfg(test)]
#[path = "identity_test.rs"]
mod tests;

#[cfg(test)]
#[path = "identity_random_test.rs"]
mod random_tests;
