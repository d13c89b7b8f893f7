//! Rounds in an order that rotates, so that nobody always comes first, or always after the same other.

/// Plays so many rounds. In each, everyone has one turn; gives the turns of each in the order of the rounds.
pub fn play<C: Copy, T>(
    everyone: &[C],
    rounds: usize,
    mut turn: impl FnMut(C, usize) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<(C, Vec<T>)>> {
    let mut turns: Vec<(C, Vec<T>)> = everyone.iter().map(|who| (*who, Vec::with_capacity(rounds))).collect();
    for round in 1..=rounds {
        for place in 0..turns.len() {
            let next = (place + round - 1) % turns.len();
            let (who, done) = &mut turns[next];
            done.push(turn(*who, round)?);
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_comes_first_in_turn() {
        let mut order = Vec::new();
        let turns = play(&['a', 'b', 'c'], 3, |who, round| {
            order.push(who);
            Ok(round)
        });
        assert_eq!(order.iter().collect::<String>(), "abcbcacab");
        assert_eq!(turns.unwrap(), ['a', 'b', 'c'].map(|who| (who, vec![1, 2, 3])));
    }
}
