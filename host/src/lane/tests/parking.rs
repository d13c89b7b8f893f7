//! How a lane sets events aside, and tries them again.

use super::*;

/// Events of three keys and of none: `a` fails at its second event, `c` at its first.
const KEYED: [&str; 12] =
    ["a=x", "b=x", "a=refuse", "c=trap", "b=y", "a=y", "x", "refuse", "c=z", "a=z", "b=x", "z"];

impl Stage {
    fn parking(most: usize, events_max: usize) -> Stage {
        let mut stage = Stage::new(&KEYED);
        (stage.course.policy, stage.course.parked_max) = (Policy::Park, most);
        stage.settings.batch.events_max = events_max;
        stage
    }

    /// The offset of each event that is set aside, and of the one that it waits behind.
    fn set_aside(&self) -> Vec<(u64, Option<String>)> {
        let letters = self.store.memory.letters("words", 1, "0");
        letters.all.values().map(|letter| (letter.offset, letter.parked_behind.clone())).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_is_set_aside_and_its_key_waits_behind_it() {
    let behind = |offset: u64| Some(format!("t/0@{offset}"));
    for events_max in 1..=KEYED.len() {
        let stage = Stage::parking(10, events_max);
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        stage.assert_counts(&["x", "x", "y", "x", "x", "z"]);
        let expected = [(3, None), (5, None), (8, behind(3)), (11, None), (12, behind(5)), (14, behind(3))];
        let mut set_aside = stage.set_aside();
        set_aside.sort();
        assert_eq!(set_aside, expected, "{events_max} events at once");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_set_aside_than_may_be() {
    for (most, last) in [(0, 3), (1, 5), (2, 8), (3, 11), (4, 12), (5, 14)] {
        for events_max in 1..=KEYED.len() {
            let stage = Stage::parking(most, events_max);
            let Exit::Stopped(Fault::Full { event, .. }) = stage.run_to(END).await else { panic!("it is full") };
            assert_eq!((event.offset, stage.set_aside().len()), (last, most), "{events_max} events at once");
            let next = stage.store.memory.marks("words", 1).values().next().unwrap().next;
            assert!(
                next <= last && last <= next + 1,
                "it stands at {next}; an offset before {last} may be missing"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_set_aside_twice_or_lost_when_commits_fail() {
    for fault in [CommitFault::Lost, CommitFault::ReplyLost, CommitFault::Flushed] {
        for commit in 0..12 {
            let stage = Stage::parking(10, 1);
            stage.fault(commit, fault);
            assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
            stage.assert_counts(&["x", "x", "y", "x", "x", "z"]);
            assert_eq!(stage.set_aside().len(), 6);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_tried_again_up_to_what_fails_again() {
    for fault in [None, Some(CommitFault::Lost), Some(CommitFault::ReplyLost)] {
        let stage = Stage::parking(10, 4);
        assert!(matches!(stage.run_to(END).await, Exit::Shutdown));
        let before = stage.counts("added");
        // As if another module took what `c` failed at, but not what `a` did.
        stage.store.memory.settle("words", 1, "0", |letters| {
            for letter in letters.all.values_mut().filter(|letter| letter.offset == 5) {
                letter.payload = Some(b"w"[..].into());
            }
            letters.retry = letters.all.keys().copied().collect();
        });
        stage.store.faults.lock().unwrap().clear();
        if let Some(fault) = fault {
            stage.fault(stage.store.commits.load(SeqCst), fault);
        }
        stage.log.append([(90, "end".to_owned())]);
        assert!(matches!(stage.run_to(91).await, Exit::Shutdown));
        let mut expected = before;
        for word in ["w", "z", "end"] {
            *expected.entry(word.to_owned()).or_default() += 1;
        }
        assert_eq!((stage.counts("added"), stage.counts("written")), (expected.clone(), expected));
        assert_eq!(stage.set_aside().iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [3, 8, 11, 14]);
        assert_eq!(stage.store.memory.letters("words", 1, "0").retry.len(), 0, "all were tried");
    }
}
