use super::super::super::problem::Outcome;
use super::super::{Entry, EntryKind, Input, Reader};
use super::{Output, Writer, pax_records};
use bunker_sys::path::FileTime;

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Output for Bytes {
    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

struct Slice<'a>(&'a [u8]);

impl Input for Slice<'_> {
    fn chunk(&mut self) -> Outcome<&[u8]> {
        Ok(self.0)
    }

    fn consume(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }
}

fn entry(kind: EntryKind, path: &[u8]) -> Entry {
    Entry {
        kind,
        path: path.to_vec(),
        mode: 0o644,
        modified: FileTime { seconds: 1_700_000_000, nanoseconds: 0 },
        ..Entry::default()
    }
}

fn file(path: &[u8], size: u64) -> Entry {
    Entry { size, ..entry(EntryKind::File, path) }
}

/// What our own reader, which is stricter than others, makes of it.
fn round_trip(entries: &[Entry]) -> Vec<(Entry, Vec<u8>)> {
    let mut writer = Writer::new(Bytes::default());
    for entry in entries {
        writer.begin(entry).expect("it works");
        if entry.kind == EntryKind::File {
            writer.data(&vec![b'x'; usize::try_from(entry.size).expect("it works")]).expect("it works");
        }
    }
    let bytes = writer.finish().expect("it works").0;
    assert_eq!(bytes.len() % 512, 0);
    let mut reader = Reader::new(Slice(&bytes));
    let mut read = Vec::new();
    let mut next = Entry::default();
    while reader.next(&mut next).expect("it works") {
        let mut data = Vec::new();
        reader
            .read_data(|piece| {
                data.extend_from_slice(piece);
                Ok(())
            })
            .expect("it works");
        read.push((std::mem::take(&mut next), data));
    }
    read
}

#[test]
fn entries_come_back_as_they_were() {
    let long = [b"d/".repeat(150), b"f".to_vec()].concat();
    let entries = [
        entry(EntryKind::Directory, b"a/"),
        file(b"a/empty", 0),
        file(b"a/odd", 513),
        file(b"a/whole", 1024),
        file(&[b'n'; 100], 1),
        file(&[b'n'; 101], 1),
        file(&long, 3),
        file(b"a/not utf-8 \xff\xfe", 2),
        Entry { target: b"../../x".to_vec(), ..entry(EntryKind::Symlink, b"a/link") },
        Entry { target: vec![b't'; 101], ..entry(EntryKind::Symlink, b"a/far") },
        Entry { target: b"a/odd".to_vec(), ..entry(EntryKind::HardLink, b"a/hard") },
        entry(EntryKind::Fifo, b"a/fifo"),
        Entry { mode: 0o7777, uid: 0o7_777_777, gid: 0o10_000_000, ..file(b"ids", 0) },
        Entry { uid: u32::MAX - 1, ..file(b"highest", 0) },
        Entry {
            attributes: vec![(b"user.a".to_vec(), b"\0\n=value".to_vec()), (b"user.long".to_vec(), vec![7; 3000])],
            ..file(b"attributes", 5)
        },
    ];
    let read = round_trip(&entries);
    for (wanted, (found, data)) in entries.iter().zip(&read) {
        let size = if wanted.kind == EntryKind::File { wanted.size } else { 0 };
        assert_eq!(data.len() as u64, size, "{}", wanted.path.escape_ascii());
        let expected = Entry { attributes: wanted.attributes.clone(), ..clone(wanted) };
        assert!(*found == expected, "{}", wanted.path.escape_ascii());
    }
    assert_eq!(read.len(), entries.len());
}

fn clone(entry: &Entry) -> Entry {
    Entry {
        kind: entry.kind,
        path: entry.path.clone(),
        target: entry.target.clone(),
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        modified: entry.modified,
        size: entry.size,
        sparse: None,
        attributes: Vec::new(),
    }
}

#[test]
fn times_keep_their_fraction_on_either_side_of_1970() {
    for (seconds, nanoseconds) in [(0, 0), (1, 5), (-1, 0), (-1, 500_000_000), (-2, 999_999_999), (1 << 40, 1)] {
        let modified = FileTime { seconds, nanoseconds };
        let read = round_trip(&[Entry { modified, ..file(b"f", 0) }]);
        assert_eq!(read[0].0.modified, modified);
    }
}

#[test]
fn a_size_that_does_not_fit_is_in_a_record() {
    let records = pax_records(&file(b"huge", 1 << 40));
    assert_eq!(records, b"22 size=1099511627776\n");
}

#[test]
fn a_record_counts_the_digits_of_its_own_length() {
    // From 99 on the length needs one digit more than the rest alone.
    for length in [1, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 980, 981, 982, 983, 984, 985, 986] {
        let mut records = Vec::new();
        super::add_record(&mut records, b"path", &vec![b'p'; length]);
        let space = records.iter().position(|byte| *byte == b' ').expect("it works");
        let said: usize = std::str::from_utf8(&records[..space]).expect("it works").parse().expect("it works");
        assert_eq!(said, records.len());
    }
}
