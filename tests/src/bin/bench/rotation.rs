//! Rounds in an order that rotates, and turns round each time, so that nobody always comes first, or always after the same other.

/// Plays so many rounds. In each, everyone has one turn; gives the turns of each in the order of the rounds.
pub fn play<C: Copy, T>(
    everyone: &[C],
    rounds: usize,
    mut turn: impl FnMut(C, usize) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(C, Vec<T>)>> {
    let mut turns: Vec<(C, Vec<T>)> = everyone.iter().map(|who| (*who, Vec::with_capacity(rounds))).collect();
    for round in 1..=rounds {
        for place in order(turns.len(), round - 1) {
            let (who, done) = &mut turns[place];
            done.push(turn(*who, round)?);
        }
    }
    Ok(turns)
}

/// Whose turn it is in a round, one after the other, of so many.
pub fn order(count: usize, round: usize) -> impl Iterator<Item = usize> {
    let step = if round.is_multiple_of(2) { 1 } else { count - 1 };
    (0..count).map(move |place| (round + place * step) % count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_comes_first_in_turn_and_after_each_other() {
        let mut order = Vec::new();
        let turns = play(&['a', 'b', 'c'], 3, |who, round| {
            order.push(who);
            Ok(round)
        });
        assert_eq!(order.iter().collect::<String>(), "abcbaccab");
        assert_eq!(turns.unwrap(), ['a', 'b', 'c'].map(|who| (who, vec![1, 2, 3])));
    }
}
